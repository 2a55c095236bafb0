"""How often the answers are right: ``python -m meta_agent.evaluation``.

__main__.py      arguments and wiring
dataset.py       questions with checked answers, and which of them are asked
databases.py     a database to read for every question
judge.py         whether an answer is right, by its values (gold_order.py, meta_agent/comparison)
systems/         what is asked: the product's pipeline and the baselines
ablation.py      the pipeline with one mechanism switched off
runner.py        every question to every system, one line of JSON each
results.py       those lines, and the file that holds them
report.py        the figures, as a table
portfolio/       the project's own questions over the sample portfolio
"""
