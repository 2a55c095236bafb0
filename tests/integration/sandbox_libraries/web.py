"""Flask behind waitress (a server for production) and behind its own, asked over the loopback."""

import threading
import urllib.request

from flask import Flask, jsonify, render_template_string
from flask_bootstrap import Bootstrap5
from waitress.server import create_server
from werkzeug.serving import make_server

application = Flask("page")
application.config["BOOTSTRAP_SERVE_LOCAL"] = True
Bootstrap5(application)


@application.route("/")
def page() -> str:
    return render_template_string("<b>{{ 6 * 7 }}</b>")


@application.route("/styled")
def styled() -> str:
    return render_template_string("{{ bootstrap.load_css() }}")


@application.route("/data")
def data():
    return jsonify(rows=[1, 2, 3])


def get(host: str, port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=20) as answer:
        return answer.read()


production = create_server(application, host="0.0.0.0", port=8080, threads=4)
threading.Thread(target=production.run, daemon=True).start()
assert get("127.0.0.1", 8080, "/") == b"<b>42</b>"
assert get("localhost", 8080, "/data") == b'{"rows":[1,2,3]}\n'

assert b'href="/bootstrap/static/' in get("127.0.0.1", 8080, "/styled")

simple = make_server("127.0.0.1", 8081, application, threaded=True)
threading.Thread(target=simple.serve_forever, daemon=True).start()
assert get("127.0.0.1", 8081, "/") == b"<b>42</b>"
simple.shutdown()
