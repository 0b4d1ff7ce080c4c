// Forms work without this. With it, adding and moving entries does not load the page again, the kind of an entry changes
// at once, what is wrong gets the focus, and leaving with unsaved changes asks first.
"use strict";

document.documentElement.classList.add("js");

let typed = null; // the form that holds what is not saved

function ready(root) {
  const first = root.querySelector("[data-focus]") || root.querySelector("[autofocus]");
  if (first) {
    first.focus();
    first.scrollIntoView({ block: "nearest" });
  }
}

async function change(form, button) {
  const body = new URLSearchParams(new FormData(form));
  body.append("do", button);
  form.inert = true; // what is typed or saved meanwhile would be lost
  try {
    return await changed(form, body);
  } finally {
    form.inert = false;
  }
}

async function changed(form, body) {
  const answer = await fetch(form.action, { method: "POST", body, headers: { "X-CSRF-Token": form.elements.csrf.value } });
  if (answer.redirected || !answer.ok) {
    return false;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const after = page.querySelector("form[data-form]");
  if (!after) {
    return false;
  }
  const open = new Set([...form.querySelectorAll("details[open] > summary[id]")].map((each) => each.id));
  after.querySelectorAll("details > summary[id]").forEach((each) => {
    each.parentElement.open ||= open.has(each.id);
  });
  form.replaceWith(after);
  typed = after;
  ready(after);
  return true;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("form[data-form] button[name=do]");
  if (!button || button.value === "save") {
    return;
  }
  event.preventDefault();
  const form = button.form;
  const done = await change(form, button.value).catch(() => false);
  if (!done) {
    form.requestSubmit(form.querySelector("button[value=save]"));
  }
});

document.addEventListener("change", async (event) => {
  typed = event.target.form;
  const select = event.target.closest("form[data-form] select[data-tag]");
  if (select) {
    await change(select.form, `refresh:${select.name}`).catch(() => false);
  }
});

document.addEventListener("input", (event) => {
  typed = event.target.form;
});
for (const kind of ["submit", "reset"]) {
  document.addEventListener(kind, (event) => {
    typed = event.target === typed ? null : typed;
  });
}
window.addEventListener("beforeunload", (event) => {
  if (typed) {
    event.preventDefault();
  }
});

ready(document);
