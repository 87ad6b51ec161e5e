// Vercel's AI SDK with its two OpenAI providers.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, streamObject, streamText } from "ai";
import { z } from "zod";

import { run } from "./seen.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const schema = z.object({ name: z.string() });

function modelOf(job) {
  if (job.surface === "compatible") {
    const options = { name: "guarded", baseURL: job.base, apiKey: "none", supportsStructuredOutputs: true };
    return createOpenAICompatible(options).chatModel(job.model);
  }
  const provider = createOpenAI({ baseURL: job.base, apiKey: "none" });
  return job.surface === "responses" ? provider.responses(job.model) : provider.chat(job.model);
}

await run(["ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible"], async (job, saw) => {
  const asked = { model: modelOf(job), prompt: job.text, ...(job.retries === null ? {} : { maxRetries: job.retries }) };
  if (job.structured) {
    const answer = job.stream ? streamObject({ ...asked, schema, onError() {} }) : await generateObject({ ...asked, schema });
    // Nothing is read, and no promise is kept, before somebody takes the stream.
    if (job.stream) for await (const part of answer.fullStream) if (part.type === "error") throw part.error;
    saw.say(JSON.stringify(await answer.object));
    saw.end(await answer.finishReason);
  } else if (job.stream) {
    const answer = streamText({ ...asked, onError() {} });
    for await (const part of answer.fullStream) {
      if (part.type === "text-delta") saw.say(part.text);
      if (part.type === "finish") saw.end(part.finishReason);
      if (part.type === "error") throw part.error;
    }
  } else {
    const answer = await generateText(asked);
    saw.say(answer.text);
    saw.end(answer.finishReason);
  }
});
