// Asks the demo with the official client, plain and streamed, and prints what came back as JSON lines.
import OpenAI from "openai";

const [baseURL, ...rows] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });

for (const row of rows) {
  const { model, text, language } = JSON.parse(row);
  const body = { model, messages: [{ role: "user", content: text }] };
  const options = { headers: { "x-guardproxy-locale": language } };
  const plain = await client.chat.completions.create(body, options);
  let streamed = "";
  let finish = null;
  let note = null;
  for await (const chunk of await client.chat.completions.create({ ...body, stream: true }, options)) {
    note = chunk.guardproxy ?? note;
    streamed += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  const choice = plain.choices[0];
  console.log(JSON.stringify({
    plain: choice.message.content, plainFinish: choice.finish_reason, plainNote: plain.guardproxy,
    streamed, finish, note,
  }));
}

// The client's own accumulator must be able to follow a stream that is cut.
const messages = [{ role: "user", content: "Describe the river." }];
const whole = await client.chat.completions.stream({ model: "raw-mixed", messages }).finalChatCompletion();
const [last] = whole.choices;
console.log(JSON.stringify({ accumulated: last.message.content, finish: last.finish_reason }));
