// What keeps pages live. Without it, everything works by loading a page again.
"use strict";

// A part that is live: the server sends it whole whenever it has changed.
for (const part of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener("part", (event) => {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
    part.innerHTML = event.data;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus();
  });
  addEventListener("pagehide", () => source.close());
}

// A table that is searched as one types.
for (const search of document.querySelectorAll("input[data-search]")) {
  const table = document.querySelector(search.dataset.search);
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/);
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}

// A form whose result is shown beside it as one types.
for (const form of document.querySelectorAll("form[data-preview]")) {
  const place = document.querySelector(form.dataset.into);
  let waiting;
  let asked;
  const show = async () => {
    asked?.abort();
    asked = new AbortController();
    place.setAttribute("aria-busy", "true");
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.dataset.preview, { method: "POST", body, signal: asked.signal });
      place.innerHTML = await answer.text();
      place.removeAttribute("aria-busy");
    } catch (why) {
      if (why.name !== "AbortError") place.textContent = "The preview could not be loaded; type on to try again.";
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 400);
  });
  show();
}

// A tab in a text for code indents; Escape, then Tab leaves it.
for (const text of document.querySelectorAll("textarea.code")) {
  let leaves = false;
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaves = true;
    else if (event.key === "Tab" && !event.shiftKey && !leaves) {
      event.preventDefault();
      text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
    } else leaves = false;
  });
}
