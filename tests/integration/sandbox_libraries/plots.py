"""matplotlib: pictures and vector formats, with text that needs the fonts."""

import os
from pathlib import Path

import matplotlib.pyplot as plt

FOLDER = Path(os.environ["EXPORT_DIR"], "reports")

figure, axes = plt.subplots()
axes.bar(["Größe", "prêt", "niño"], [1, 2, 3])
axes.set_title("Debt service coverage")
for suffix, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml"), (".jpg", b"\xff\xd8")):
    figure.savefig(FOLDER / f"plot{suffix}")
    assert (FOLDER / f"plot{suffix}").read_bytes().startswith(start)
