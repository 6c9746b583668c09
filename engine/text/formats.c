/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of prompt formats, and how one is recognised by the tokens that it alone has. It runs
 * no templates. */
#include "engine/text/formats.h"

#include <string.h>

/* The more special ones first: many models have ChatML's tokens beside their own. */
static const TextFormat formats[] = {
  { "llama3",
    { "<|start_header_id|>", "<|eot_id|>" },
    { { "<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>" },
      { "<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>" },
      { "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>" } },
    "<|start_header_id|>assistant<|end_header_id|>\n\n" },
  { "gemma",
    { "<start_of_turn>", "<end_of_turn>" },
    { { NULL, "\n\n" },
      { "<start_of_turn>user\n", "<end_of_turn>\n" },
      { "<start_of_turn>model\n", "<end_of_turn>\n" } },
    "<start_of_turn>model\n" },
  { "gemma4",
    { "<|turn>", "<turn|>" },
    { { "<|turn>system\n", "<turn|>\n" },
      { "<|turn>user\n", "<turn|>\n" },
      { "<|turn>model\n", "<turn|>\n" } },
    "<|turn>model\n" },
  { "harmony",
    { "<|channel|>", "<|message|>" },
    { { "<|start|>developer<|message|># Instructions\n\n", "<|end|>" },
      { "<|start|>user<|message|>", "<|end|>" },
      { "<|start|>assistant<|channel|>final<|message|>", "<|end|>" } },
    "<|start|>assistant" },
  { "granite",
    { "<|start_of_role|>", "<|end_of_role|>" },
    { { "<|start_of_role|>system<|end_of_role|>", "<|end_of_text|>\n" },
      { "<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n" },
      { "<|start_of_role|>assistant<|end_of_role|>", "<|end_of_text|>\n" } },
    "<|start_of_role|>assistant<|end_of_role|>" },
  { "command-r",
    { "<|START_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|>" },
    { { "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>", "<|END_OF_TURN_TOKEN|>" },
      { "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>", "<|END_OF_TURN_TOKEN|>" },
      { "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>" } },
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>" },
  { "deepseek",
    { "<｜User｜>", "<｜Assistant｜>" },
    { { "", "" }, { "<｜User｜>", "" }, { "<｜Assistant｜>", "<｜end▁of▁sentence｜>" } },
    "<｜Assistant｜>" },
  { "chatml",
    { "<|im_start|>", "<|im_end|>" },
    { { "<|im_start|>system\n", "<|im_end|>\n" },
      { "<|im_start|>user\n", "<|im_end|>\n" },
      { "<|im_start|>assistant\n", "<|im_end|>\n" } },
    "<|im_start|>assistant\n" },
  { "phi3",
    { "<|end|>", "<|assistant|>" },
    { { "<|system|>\n", "<|end|>\n" },
      { "<|user|>\n", "<|end|>\n" },
      { "<|assistant|>\n", "<|end|>\n" } },
    "<|assistant|>\n" },
  { "zephyr",
    { "<|user|>", "<|assistant|>" },
    { { "<|system|>\n", "</s>\n" }, { "<|user|>\n", "</s>\n" }, { "<|assistant|>\n", "</s>\n" } },
    "<|assistant|>\n" },
  { "mistral",
    { "[INST]", "[/INST]" },
    { { NULL, "\n\n" }, { "[INST] ", " [/INST]" }, { " ", "</s>" } },
    "" },
  { "plain",
    { NULL, NULL },
    { { "System: ", "\n\n" }, { "User: ", "\n\n" }, { "Assistant: ", "\n\n" } },
    "Assistant:" },
};

const TextFormat *
text_format_of_template (const char *template)
{
  for (size_t i = 0; template != NULL && i < G_N_ELEMENTS (formats); i++) {
    const TextFormat *format = &formats[i];

    if (format->marks[0] != NULL && strstr (template, format->marks[0]) != NULL &&
        strstr (template, format->marks[1]) != NULL)
      return format;
  }
  return NULL;
}

const TextFormat *
text_format_of_tokens (const TextTokenizer *tokenizer)
{
  const TextFormat *format = formats;

  while (format->marks[0] != NULL &&
         (text_tokenizer_special (tokenizer, format->marks[0]) < 0 ||
          text_tokenizer_special (tokenizer, format->marks[1]) < 0))
    format++;
  return format;
}
