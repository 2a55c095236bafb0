"use strict";
// Without this file the form works as well: it is then sent by its button.
const form = document.getElementById("wishes");
let wait = 0;
let latest = 0;

async function show(address) {
  const number = ++latest;
  const place = document.getElementById("figures");
  place.setAttribute("aria-busy", "true");
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const text = await answer.text();
  const page = new DOMParser().parseFromString(text, "text/html");
  const figures = page.getElementById("figures");
  if (number !== latest) return;
  if (!answer.ok || !figures) {
    window.location.assign(address);
    return;
  }
  place.replaceWith(figures);
  window.history.replaceState(null, "", address);
}

function recalculate() {
  if (!form.checkValidity()) return;
  show("?" + new URLSearchParams(new FormData(form)).toString());
}

if (form) {
  form.addEventListener("input", () => {
    window.clearTimeout(wait);
    wait = window.setTimeout(recalculate, 150);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    recalculate();
  });
}
