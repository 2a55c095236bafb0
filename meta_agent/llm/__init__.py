"""What the model client (``utils/llm_client.py``) is made of.

A question goes conversation -> calls -> chat, its answer comes back through stream and answers:

    options.py        where the model is and within which limits it is asked
    health.py         the strict check at start: server, model, context, test message
    server.py         what a server tells about itself and its models
    rest.py           plain HTTP for the check (no LangChain, so it need not wait for its import)
    conversation.py   a growing list of turns with JSON and text answers
    calls.py          one call with limits, retries, the check of the reply's model, and usage
    chat.py           the same call as LangChain's ``ChatOpenAI`` makes it
    stream.py         pieces of a reply, collected within limits
    answers.py        from the model's words to a checked object, and what to say when they do not fit
    schema.py         a pydantic model as the JSON schema every server understands
    retry.py, usage.py, tokens.py, names.py, wording.py, background.py   one small thing each

    embedded_server.py, model_files.py   the embedded model and its weights, for ``--demo``
"""
