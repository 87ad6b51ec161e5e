// Fills three columns as two streams arrive. Text goes in as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const within = (column, part) => $(column).querySelector(`[data-${part}]`);
const COUNTED = { refuse: "refusals", warn: "notices", redact: "redactions", allow: "untouched", log: "untouched" };
const SAID = { warn: "notice added", redact: "parts taken out", refuse: "declined", error: "failed" };
let running = null;      // the AbortController of the question in flight
let language = "";       // of the prepared prompt that stands in the box

function say(text) { $("status").textContent = text; }

function reset() {
  for (const column of ["raw", "guarded", "why"]) {
    $(column).setAttribute("aria-busy", "true");
    within(column, "answer").replaceChildren();
    within(column, "answer").classList.remove("empty");
    within(column, "fault").hidden = true;
    within(column, "badge").hidden = true;
  }
}

function badge(column, text, tone) {
  const place = within(column, "badge");
  place.textContent = text;
  place.dataset.tone = tone;
  place.hidden = false;
}

function fault(column, text) {
  const place = within(column, "fault");
  place.textContent = text;
  place.hidden = false;
}

// One column's stream. Returns {text, note, finish}: note is the "guardproxy" member of the last chunk.
async function follow(column, asked, signal) {
  const got = { text: "", note: null, finish: "", id: "" };
  try {
    const answer = await fetch(`/admin/demo/${column}`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked), signal,
    });
    got.id = answer.headers.get("x-guardproxy-decision-id") || "";
    if (!answer.ok) throw new Error(await complaint(answer));
    for await (const chunk of chunks(answer.body)) {
      if (chunk.error) throw new Error(chunk.error.message);
      const choice = (chunk.choices || [])[0];
      if (chunk.guardproxy) got.note = chunk.guardproxy;
      if (!choice) continue;
      got.text += choice.delta.content || "";
      got.finish = choice.finish_reason || got.finish;
      within(column, "answer").textContent = got.text;
    }
    if (!got.finish) throw new Error("the answer broke off");
    if (got.finish === "length") fault(column, "The answer ends here because of its length.");
  } catch (error) {
    if (error.name === "AbortError") fault(column, "Stopped.");
    else fault(column, `No complete answer: ${error.message}`);
  }
  $(column).setAttribute("aria-busy", "false");
  return got;
}

async function complaint(answer) {
  try {
    const tree = await answer.json();
    return tree.error.message || tree.error;
  } catch {
    return `status ${answer.status}`;
  }
}

// The JSON of each `data:` line; the stream may be cut anywhere, also inside a character.
async function* chunks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    held += done ? "\n" : value;
    const lines = held.split(/\r\n|\n/);
    held = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
    if (done) return;
  }
}

function row(list, name, value, code) {
  const dt = document.createElement("dt");
  const dd = document.createElement("dd");
  dt.textContent = name;
  if (code) {
    const place = document.createElement("code");
    place.textContent = value;
    dd.append(place);
  } else dd.textContent = value;
  list.append(dt, dd);
}

async function explain(raw, guarded) {
  const place = within("why", "answer");
  const id = guarded.id || (guarded.note && guarded.note.decision_id);
  try {
    if (!id) throw new Error("there is no decision id");
    const answer = await fetch(`/admin/decisions/${encodeURIComponent(id)}`);
    if (!answer.ok) throw new Error(await complaint(answer));
    const decided = await answer.json();
    badge("why", decided.outcome, decided.outcome);
    badge("guarded", inWords(decided, raw.text, guarded.text), decided.outcome);
    place.replaceChildren(...verdicts(decided), facts(decided));
  } catch (error) {
    fault("why", `No reason to show: ${error.message}`);
  }
  $("why").setAttribute("aria-busy", "false");
}

// What happened to the guarded answer, in two or three words.
function inWords(decided, raw, guarded) {
  const untouched = decided.outcome === "allow" || decided.outcome === "log";
  if (untouched) return raw === guarded ? "unchanged, byte for byte" : "allowed, said something else";
  if (decided.outcome === "warn" && decided.why.some((v) => v.hazard === "self_harm.intent")) return "help comes first";
  if (decided.outcome === "refuse" && raw.length > 40 && guarded.startsWith(raw.slice(0, 40))) return "cut off";
  return SAID[decided.outcome] || decided.outcome;
}

function verdicts(decided) {
  if (!decided.why.length) {
    const none = document.createElement("p");
    none.textContent = "No rule had anything to say.";
    return [none];
  }
  return decided.why.flatMap((verdict) => {
    const head = document.createElement("h3");
    head.textContent = `${verdict.rule}: ${verdict.action} on ${verdict.stage}`;
    const list = document.createElement("dl");
    row(list, "hazard", `${decided.labels[verdict.hazard]} (${verdict.hazard})`);
    row(list, "written at", verdict.source, true);
    row(list, "heard by", verdict.detectors.join(", ") + (verdict.views.length ? `, read ${verdict.views.join(", ")}` : ""));
    row(list, "score, step", `${verdict.score} ≥ ${verdict.threshold}`);
    if (verdict.mode !== "enforce") row(list, "mode", verdict.mode);
    return [head, list];
  });
}

function facts(decided) {
  const list = document.createElement("dl");
  row(list, "policy", `${decided.policy} ${decided.policy_hash}`, true);
  row(list, "decision", decided.decision_id, true);
  if (decided.error) row(list, "fault", decided.error, true);
  row(list, "looked at", decided.stages.map((s) => `${s.stage}: ${s.checked}`).join(", "));
  row(list, "added", `${(decided.seconds.added * 1000).toFixed(1)} ms`);
  const title = document.createElement("h3");
  title.textContent = "This exchange";
  const both = document.createDocumentFragment();
  both.append(title, list);
  return both;
}

async function ask(event) {
  if (event) event.preventDefault();
  const prompt = $("prompt").value.trim();
  if (!prompt) { say("Write a prompt first."); $("prompt").focus(); return; }
  if (running) running.abort();
  const mine = new AbortController();
  running = mine;
  reset();
  $("stop").disabled = false;
  say("Asking both …");
  const asked = { model: $("model").value, prompt, language };
  const [raw, guarded] = await Promise.all([
    follow("raw", asked, mine.signal), follow("guarded", asked, mine.signal),
  ]);
  if (running !== mine) return;
  badge("raw", "nobody looked", "");
  if (mine.signal.aborted) {
    $("why").setAttribute("aria-busy", "false");
    fault("why", "Stopped before it was decided.");
  } else {
    await explain(raw, guarded);
  }
  await count();
  if (running !== mine) return;
  running = null;
  $("stop").disabled = true;
  say(mine.signal.aborted ? "Stopped." : "Done.");
}

// The proxy's own counters, from the same page that Prometheus reads.
async function count() {
  try {
    const answer = await fetch("/metrics");
    if (!answer.ok) throw new Error();
    const sums = { refusals: 0, notices: 0, redactions: 0, untouched: 0 };
    for (const line of (await answer.text()).split("\n")) {
      const found = /^guardproxy_requests_total\{.*outcome="(\w+)".*\} ([0-9.e+]+)/.exec(line);
      if (found && COUNTED[found[1]]) sums[COUNTED[found[1]]] += Number(found[2]);
    }
    for (const [name, sum] of Object.entries(sums)) {
      const before = $(name).textContent;
      $(name).textContent = String(sum);
      $(name).parentElement.classList.toggle("moved", before !== "–" && before !== String(sum));
    }
  } catch {
    for (const name of ["refusals", "notices", "redactions", "untouched"]) $(name).textContent = "?";
  }
}

function choose(task, button) {
  for (const other of document.querySelectorAll("#prepared button")) other.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  $("prompt").value = task.text;
  $("model").value = task.model;
  language = task.language;
  ask();
}

async function prepare() {
  const answer = await fetch("/admin/demo/setup");
  if (!answer.ok) throw new Error(await complaint(answer));
  const setup = await answer.json();
  show(setup);
  $("model").replaceChildren(...setup.models.map((name) => new Option(name, name)));
  for (const task of setup.tasks) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const kind = document.createElement("span");
    const text = document.createElement("span");
    button.type = "button";
    button.dataset.task = task.id;
    kind.className = "kind";
    kind.textContent = task.kind;
    text.textContent = task.text;
    text.lang = task.language;
    button.append(kind, text);
    button.addEventListener("click", () => choose(task, button));
    item.append(button);
    $("prepared").append(item);
  }
}

function show(state) {
  $("raw-where").textContent = state.raw;
  $("guarded-where").textContent = state.guarded;
  $("policy").textContent = state.policies.map((p) => `${p.policy} (${p.hash})`).join(", ");
  $("policy-file").textContent = state.policy_file;
  $("strict").checked = state.strict;
}

async function flip() {
  $("switched").textContent = "Loading the other policy …";
  try {
    const answer = await fetch("/admin/demo/policy", {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ strict: $("strict").checked }),
    });
    if (!answer.ok) throw new Error(await complaint(answer));
    show(await (await fetch("/admin/demo/setup")).json());
    $("switched").textContent = "In force from now on, without a restart.";
  } catch (error) {
    $("strict").checked = !$("strict").checked;
    $("switched").textContent = `The policy stays as it was: ${error.message}`;
  }
}

async function start() {
  $("ask").addEventListener("submit", ask);
  $("prompt").addEventListener("input", () => { language = ""; });
  $("prompt").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) ask(event);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && running) running.abort(); });
  $("stop").addEventListener("click", () => { if (running) running.abort(); });
  $("strict").addEventListener("change", flip);
  try {
    await prepare();
  } catch (error) {
    say(`The demo does not answer: ${error.message}`);
    return;
  }
  await count();
  say("Ready. Write a prompt, or choose one below.");
  $("prompt").focus();
  const wanted = new URLSearchParams(location.search).get("prompt");
  const button = wanted && document.querySelector(`[data-task="${CSS.escape(wanted)}"]`);
  if (button) button.click();
}

start();
