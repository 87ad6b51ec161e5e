// What a JavaScript user of the stock client sees: base URL and a list of cases in, one JSON line a case out.
import OpenAI from "openai";

const [base, ...cases] = process.argv.slice(2);
const client = new OpenAI({ baseURL: base, apiKey: "none", maxRetries: 0 });

for (const text of cases) {
  const body = { model: "m", messages: [{ role: "user", content: text }] };
  const plain = await client.chat.completions.create(body);
  const stream = await client.chat.completions.create({ ...body, stream: true });
  let streamed = "";
  let finish = null;
  for await (const chunk of stream) {
    streamed += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  const choice = plain.choices[0];
  console.log(JSON.stringify({ text: choice.message.content, finish: choice.finish_reason, streamed, streamFinish: finish }));
}
