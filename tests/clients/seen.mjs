// What a user of a client sees, as JSON lines: the JavaScript half of seen.py, which says what goes in and out.
import { readFileSync } from "node:fs";

class Seen {
  text = "";
  finish = null;
  refusal = null;

  say(piece) {
    this.text += piece ?? "";
  }

  refuse(piece) {
    if (piece) this.refusal = (this.refusal ?? "") + piece;
  }

  end(finish) {
    this.finish = finish || this.finish;
  }
}

function named(error) {
  // Classes that do not set `name` are all called "Error"; the AI SDK's streams give plain objects.
  if (error?.constructor === Object) return "plain object";
  return error?.name && error.name !== "Error" ? error.name : (error?.constructor?.name ?? typeof error);
}

function described(error) {
  const inner = error?.data?.error ?? error?.error ?? {};
  return {
    class: named(error),
    code: error?.code ?? inner.code ?? inner.type ?? null,
    status: error?.status ?? error?.statusCode ?? null,
    message: [error?.message ?? error, error?.text].filter(Boolean).join(" "), // the AI SDK keeps what was said in `text`
  };
}

function version(name) {
  return JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
}

export async function run(packages, ask) {
  console.log(JSON.stringify({ versions: Object.fromEntries(packages.map((name) => [name, version(name)])) }));
  for (const raw of process.argv.slice(2)) {
    const job = JSON.parse(raw);
    const saw = new Seen();
    let error = null;
    try {
      await ask(job, saw);
    } catch (raised) {
      error = described(raised);
    }
    console.log(JSON.stringify({ id: job.id, ...saw, error }));
  }
}
