"""Meta-Agent Script Executor: a question in plain English becomes a script that answers it.

Start reading in ``pipeline.py``: the stages in their order.

    run_steps.py   what every way of running a script does: its journal, package and container
    replay.py      an earlier script, or a saved question, is run again without the model
    reuse.py       a question that was answered before is answered by the same script
    row_change_run.py   scripts that change rows, if a person agrees (consent.py)
    reader_setup.py   gives the database a role that may only read; env_file.py notes its URL
    session.py     what a front end's runs need, started when the first one needs it
    contracts.py   what the stages hand to one another
    errors.py      everything that can go wrong, and its exit code
    script_failures.py   what the failure of a script means, for the model and for the user
    join_graph.py  which joins lead from table to table
    schema_prompt.py   what the model reads of a database for one request; schema_relevance.py ranks
                   its tables, schema_cut.py takes those that fit
    prompt_preview.py   the prompts of a request, without asking the model
    secret_masking.py   where passwords are taken out on the way through a run
    locked_packages.py   what a script may import, with hashes of all that it needs
    private_failures.py   why a script failed, without a word of what is stored
    analyzers/     request           -> TaskAnalysis
    planners/      TaskAnalysis      -> ExecutionPlan
    generators/    ExecutionPlan     -> GeneratedScript and its deployment package
    validators/    GeneratedScript   -> ValidationResult
    executors/     deployment package -> ExecutionResult, in a container
    utils/         the model client and the database inspector
    llm/           what the model client is made of
    databases/     one module per kind of database, behind one interface
    comparison/    when two tables say the same, and what changed
    questions/     saved questions and templates: files, parameters, values
    commands/      what the program does about earlier runs and saved questions
    cleaning.py    what is old and goes; schedule.py: lines for cron, launchd, systemd
    local_database.py   a small SQLite file of ours; local_store.py and runs/index.py are two of them
    sandbox/       Docker: images, the database gateway, limits, collection of results
    prompts/       what we say to the model, one file each
    templates/     what we emit: scripts, Dockerfile, compose file
    display/       the only place that prints
    runs/          run folders and run records
"""
