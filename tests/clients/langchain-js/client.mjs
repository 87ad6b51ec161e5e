// LangChain.js's ChatOpenAI.
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";

import { run } from "./seen.mjs";

const Pet = z.object({ name: z.string() });

await run(["@langchain/openai", "@langchain/core"], async (job, saw) => {
  const retries = job.retries === null ? {} : { maxRetries: job.retries };
  const useResponsesApi = job.surface === "responses";
  const model = new ChatOpenAI({ model: job.model, apiKey: "none", configuration: { baseURL: job.base }, useResponsesApi, ...retries });
  if (job.structured) {
    const structured = model.withStructuredOutput(Pet, { method: "jsonSchema" });
    if (!job.stream) return saw.say(JSON.stringify(await structured.invoke(job.text)));
    let last;
    for await (const piece of await structured.stream(job.text)) last = piece;
    return saw.say(last && JSON.stringify(last));
  }
  for await (const message of job.stream ? await model.stream(job.text) : [await model.invoke(job.text)]) {
    saw.say(message.text);
    saw.refuse(message.additional_kwargs.refusal);
    for (const block of Array.isArray(message.content) ? message.content : []) saw.refuse(block.refusal);
    const told = message.response_metadata;
    saw.end(told.finish_reason ?? told.incomplete_details?.reason ?? told.status);
  }
});
