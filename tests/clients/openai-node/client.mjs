// OpenAI's JavaScript client: chat completions and responses.
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { run } from "./seen.mjs";

const Pet = z.object({ name: z.string() });

async function chat(client, job, saw) {
  const asked = { model: job.model, messages: [{ role: "user", content: job.text }] };
  if (job.stream && !job.structured) {
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
      for (const choice of chunk.choices) {
        saw.say(choice.delta.content);
        saw.refuse(choice.delta.refusal);
        saw.end(choice.finish_reason);
      }
    }
    return;
  }
  const shaped = { ...asked, response_format: zodResponseFormat(Pet, "pet") };
  const answer = !job.structured
    ? await client.chat.completions.create(asked)
    : job.stream
      ? await client.chat.completions.stream(shaped).finalChatCompletion()
      : await client.chat.completions.parse(shaped);
  const [choice] = answer.choices;
  saw.say(job.structured ? choice.message.parsed && JSON.stringify(choice.message.parsed) : choice.message.content);
  saw.refuse(choice.message.refusal);
  saw.end(choice.finish_reason);
}

async function responses(client, job, saw) {
  const asked = { model: job.model, input: job.text };
  let answer;
  if (job.structured) {
    const shaped = { ...asked, text: { format: zodTextFormat(Pet, "pet") } };
    answer = job.stream ? await client.responses.stream(shaped).finalResponse() : await client.responses.parse(shaped);
    saw.say(answer.output_parsed && JSON.stringify(answer.output_parsed));
  } else if (job.stream) {
    for await (const event of await client.responses.create({ ...asked, stream: true })) {
      if (event.type === "response.output_text.delta") saw.say(event.delta);
      if (["response.completed", "response.incomplete", "response.failed"].includes(event.type)) answer = event.response;
    }
    if (!answer) return;
  } else {
    answer = await client.responses.create(asked);
    saw.say(answer.output_text);
  }
  for (const item of answer.output) {
    for (const part of item.type === "message" ? item.content : []) saw.refuse(part.refusal);
  }
  const why = answer.incomplete_details?.reason ?? answer.error?.code;
  saw.end([answer.status, why].filter(Boolean).join("/"));
}

await run(["openai"], async (job, saw) => {
  const retries = job.retries === null ? {} : { maxRetries: job.retries };
  const client = new OpenAI({ baseURL: job.base, apiKey: "none", ...retries });
  await (job.surface === "responses" ? responses : chat)(client, job, saw);
});
