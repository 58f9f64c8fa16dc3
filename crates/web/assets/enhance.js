// The desk, made pleasanter where a browser runs script. Every form and page works without this file; nothing here decides
// anything. What it does: forms marked `data-swap` bring their page up to date in place, with focus and scroll kept;
// buttons marked `data-confirm` ask first; forms marked `data-keep` keep unsaved words in this tab and offer them back;
// a part marked `data-live` follows an edition on its way.
//
// Nothing is ever made of text but text. Pages come from this desk alone, are parsed inert and moved in node by node; the
// policy of every page (`script-src 'self'`) lets no script of theirs run.

/** How long the words of a form may be unkept, in milliseconds after the last key. */
const KEEP_AFTER_MS = 400;
/** Between two looks at an edition on its way, in milliseconds; after a failure, `SLOWER` times as long, up to a minute. */
const LIVE_MS = 2000;
const SLOWER = 2;
const LIVE_MS_MAX = 60_000;
/** Answers that are the page of the room itself: done, changed meanwhile by somebody else, or something is to be mended. */
const PAGES = [200, 409, 422];
/** Fields that are not words: the session's mark is never kept. */
const UNKEPT = ["mark", "act"];
/** Where the name of the form that was sent last is kept. */
const SENT = "coranto sent";

/** Forms that were asked about: they go on as they are, once. */
const asked = new WeakSet();
/** Forms under way: a second press does nothing. */
const busy = new Set();
/** Forms whose words are not saved yet. */
const unsaved = new Set();

/** Says something to those who listen to the page. */
const spoken = make("p", { class: "hidden", role: "status" });
function say(words) {
  if (words && spoken.textContent !== words) spoken.textContent = words;
}

/** An element with these attributes, and these texts or elements inside. */
function make(name, attributes, ...inside) {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([of, value]) => made.setAttribute(of, value));
  made.append(...inside);
  return made;
}

/** A page of this desk, parsed where nothing runs. None, when it is another site's or no page. */
async function pageOf(answer) {
  const here = new URL(answer.url).origin === location.origin;
  const html = (answer.headers.get("content-type") ?? "").startsWith("text/html");
  return here && html ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

// ---- Forms that bring their page up to date in place

/** Where a button stands, to find it or its neighbour again in the page that comes. */
function placeOf(button) {
  const row = button.closest("li[id]");
  const beside = [row?.nextElementSibling?.id, row?.previousElementSibling?.id].filter(Boolean);
  return { row: row?.id, list: row?.parentElement.id, beside, name: button.name, value: button.value, top: topOf(button) };
}

function topOf(element) {
  return element.getBoundingClientRect().top;
}

/** The same button, else another of its row, else one of the row that took its place, else the heading. */
function found(place) {
  const row = (id) => {
    const li = id && document.getElementById(id);
    return li && li.parentElement.id === place.list ? li : null;
  };
  const of = (li) => li?.querySelector(`button[name="${CSS.escape(place.name)}"][value="${CSS.escape(place.value)}"]`);
  const any = (li) => li?.querySelector("button, a[href]");
  const own = row(place.row);
  const beside = place.beside.map(row).find(Boolean);
  return of(own) ?? any(own) ?? of(beside) ?? any(beside) ?? document.querySelector("h1");
}

/** Sends a form and shows the page that comes, without leaving this one. What is no page of this room is gone to. */
async function swap(form, button) {
  const place = placeOf(button ?? form);
  const body = new URLSearchParams(new FormData(form, button));
  const answer = await fetch(form.action, { method: "POST", body });
  const page = PAGES.includes(answer.status) ? await pageOf(answer) : null;
  const elsewhere = answer.redirected && new URL(answer.url).pathname !== location.pathname;
  if (elsewhere) return location.assign(answer.url);
  // Signed out, or refused: the form goes the plain way, and what comes of it is a page of its own.
  if (!page?.querySelector(".who") || !page.querySelector("main")) return plainly(form, button);
  document.title = page.title;
  document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
  wake();
  const again = found(place);
  if (again.matches("h1")) again.tabIndex = -1;
  again.focus({ preventScroll: !again.matches("h1") });
  if (!again.matches("h1")) scrollBy({ top: topOf(again) - place.top, behavior: "instant" });
  say(document.querySelector("main .fault, main .told")?.textContent ?? `Done: ${button?.textContent ?? ""}`);
}

/** Sends a form as if this file were not there. */
function plainly(form, button) {
  asked.add(form);
  form.requestSubmit(button);
}

// ---- Asking first

/** Asks, in a box that Escape closes. Gives whether the answer was yes. */
function ask(words, yes) {
  const go = make("button", { value: "yes" }, yes);
  const back = make("button", { value: "no", class: "second", autofocus: "" }, "No, go back");
  const question = make("p", { id: "question" }, words);
  const form = make("form", { method: "dialog" }, question, make("p", { class: "buttons" }, go, back));
  const box = make("dialog", { class: "ask", "aria-labelledby": "question" }, form);
  document.body.append(box);
  box.showModal();
  return new Promise((answered) => {
    box.addEventListener("close", () => {
      box.remove();
      answered(box.returnValue === "yes");
    });
  });
}

/** Asks about a form, and sends it if the answer is yes. A box "I am sure" is ticked by the answer. */
async function confirmed(form, button) {
  if (!(await ask(form.dataset.confirm, form.dataset.yes ?? button.textContent.trim()))) return button?.focus();
  form.querySelectorAll("input[name=sure]").forEach((sure) => (sure.checked = true));
  plainly(form, button);
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter: button } = event;
  if (form.method !== "post") return;
  if (busy.has(form)) return event.preventDefault();
  if (form.dataset.confirm && !asked.has(form)) {
    event.preventDefault();
    return void confirmed(form, button);
  }
  if ("swap" in form.dataset && !asked.has(form)) {
    event.preventDefault();
    busy.add(form);
    return void swap(form, button)
      .catch(() => plainly(form, button))
      .finally(() => busy.delete(form));
  }
  asked.delete(form);
  busy.add(form);
  leaving(form);
});

// A page that comes back from the browser's memory is at rest.
addEventListener("pageshow", () => busy.clear());

// ---- Words that are not saved yet

/** The name under which a form's words are kept, in this tab alone: by member, page and form. */
function nameOf(form) {
  return `coranto ${document.querySelector(".who a")?.textContent} ${location.pathname} ${form.dataset.keep}`;
}

/** What was typed into a form: fields and their words. A file is not kept. */
function wordsOf(form) {
  const words = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !UNKEPT.includes(name));
  return words.map(([name, value]) => [name, value.replaceAll("\r\n", "\n")]);
}

function keep(form) {
  try {
    sessionStorage.setItem(nameOf(form), JSON.stringify({ at: Date.now(), words: wordsOf(form) }));
  } catch {
    // The browser keeps nothing, or has no more room: then it is as without script.
  }
}

/** What is kept of a form; none when nothing is, or it is what stands there already. */
function keptOf(form) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(nameOf(form)));
    return kept && JSON.stringify(kept.words) !== JSON.stringify(wordsOf(form)) ? kept : null;
  } catch {
    return null;
  }
}

function forget(form) {
  unsaved.delete(form);
  sessionStorage.removeItem(nameOf(form));
}

/** What was sent last was saved, so says this page: the words that were kept of it are not needed any more. */
function saved() {
  sessionStorage.removeItem(sessionStorage.getItem(SENT) ?? "");
  sessionStorage.removeItem(SENT);
}

/** Puts kept words back into a form. */
function bring(form, words) {
  for (const field of form.elements) {
    if (!field.name || UNKEPT.includes(field.name) || field.type === "file" || field.type === "submit") continue;
    const values = words.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (values.length > 0) field.value = values[0];
  }
  unsaved.add(form);
}

/** Offers what was typed into a form before and never saved. `data-typed`: the desk itself gave the words back. */
function offer(form) {
  if ("typed" in form.dataset) {
    unsaved.add(form);
    return keep(form);
  }
  const kept = keptOf(form);
  if (!kept) return;
  const time = new Date(kept.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const words = make("p", {}, `What you typed here until ${time} was not saved. This tab kept it.`);
  const yes = make("button", { type: "button" }, "Bring it back");
  const no = make("button", { type: "button", class: "second" }, "Throw it away");
  const box = make("div", { class: "told kept" }, words, make("p", { class: "buttons" }, yes, no));
  const done = (act) => {
    act();
    box.remove();
    form.querySelector("textarea, input:not([type=hidden])")?.focus();
  };
  yes.addEventListener("click", () => done(() => bring(form, kept.words)));
  no.addEventListener("click", () => done(() => forget(form)));
  form.before(box);
  say("What you typed here before was not saved. You can bring it back.");
}

let timer;
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.dataset.keep) return;
  unsaved.add(form);
  clearTimeout(timer);
  timer = setTimeout(() => keep(form), KEEP_AFTER_MS);
});

/** A form is sent: its words are on their way. They are forgotten when a page says that they were saved. */
function leaving(form) {
  clearTimeout(timer);
  if (form.dataset.keep) {
    keep(form);
    sessionStorage.setItem(SENT, nameOf(form));
  }
  unsaved.delete(form);
  if (form.action.endsWith("/sign-out")) {
    unsaved.clear();
    sessionStorage.clear();
  }
}

addEventListener("pagehide", () => unsaved.forEach(keep));
addEventListener("beforeunload", (event) => {
  if ([...unsaved].some((form) => form.isConnected)) event.preventDefault();
});

// ---- An edition on its way

/** Brings a part of the page up to date, piece by piece: what did not change is not touched, nor what is being typed in. */
function bringUpToDate(live, fresh) {
  const typed = document.activeElement.matches("input, select, textarea");
  const typing = (piece) => typed && piece.contains(document.activeElement);
  const pieces = [...fresh.children];
  const same = pieces.length === live.children.length && pieces.every((piece, at) => piece.id === live.children[at].id);
  if (!same && [...live.children].some(typing)) return false;
  if (!same) return live.replaceChildren(...pieces), true;
  pieces.forEach((piece, at) => {
    const old = live.children[at];
    if (old.outerHTML !== piece.outerHTML && !typing(old)) old.replaceWith(piece);
  });
  return true;
}

/** Follows the part `live` until it says that nothing moves any more. */
async function follow(live) {
  let tag = null;
  let wait = LIVE_MS;
  while (live.isConnected && live.dataset.live) {
    await new Promise((waited) => setTimeout(waited, wait));
    if (document.hidden) continue;
    const headers = tag ? { "If-None-Match": tag } : {};
    const answer = await fetch(live.dataset.live, { cache: "no-store", headers }).catch(() => null);
    if (!answer || answer.status >= 500) {
      say("The desk does not answer. This page tries again by itself.");
      wait = Math.min(wait * SLOWER, LIVE_MS_MAX);
      continue;
    }
    wait = LIVE_MS;
    if (answer.status === 304) continue;
    const fresh = answer.ok ? (await pageOf(answer))?.querySelector("[data-said]") : null;
    if (!fresh) return say("This page is not brought up to date any more. Load it again.");
    const adopted = document.adoptNode(fresh);
    if (!bringUpToDate(live, adopted)) continue;
    tag = answer.headers.get("etag");
    live.dataset.live = adopted.dataset.live ?? "";
    say(adopted.dataset.said);
  }
}

// ---- A page is there

function wake() {
  if (document.querySelector("main [data-saved]")) saved();
  document.querySelectorAll("form[data-keep]").forEach(offer);
  document.querySelectorAll("[data-live]").forEach((live) => follow(live));
}

// By this the desk knows that a page of an edition on its way needs not load itself anew; and by this class its stylesheet
// knows that asking takes the place of a box "I am sure".
document.cookie = `coranto-script=on; path=/; SameSite=Strict${location.protocol === "https:" ? "; Secure" : ""}`;
document.documentElement.classList.add("scripted");
document.body.append(spoken);
wake();
