"""pandas and numpy, with the threads of numpy's linear algebra."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy

FOLDER = Path(os.environ["EXPORT_DIR"], "data")

matrix = np.random.default_rng(1).random((600, 600))
assert np.allclose(matrix @ np.linalg.inv(matrix), np.eye(600), atol=1e-6)
np.save(FOLDER / "matrix.npy", matrix[:10])
assert np.load(FOLDER / "matrix.npy", mmap_mode="r").shape == (10, 600)

days = pd.date_range("2024-01-01", periods=700, tz="Europe/Rome")
frame = pd.DataFrame({"day": days, "group": np.arange(700) % 7, "value": np.arange(700.0)})
frame["day"] = frame["day"].dt.tz_localize(None)
assert frame.groupby("group")["value"].sum().sum() == frame["value"].sum()
assert frame.pivot_table(index="group", values="value").shape == (7, 1)
for write, read, name in (
    (frame.to_csv, pd.read_csv, "frame.csv"),
    (frame.to_pickle, pd.read_pickle, "frame.pkl"),
    (frame.to_json, pd.read_json, "frame.json"),
):
    write(FOLDER / name)
    assert len(read(FOLDER / name)) == 700

engine = sqlalchemy.create_engine("sqlite:////tmp/frames.db")
frame.to_sql("frames", engine, index=False)
assert len(pd.read_sql("SELECT * FROM frames WHERE value < 10", engine)) == 10
assert "Monday" in frame["day"].dt.day_name().tolist()
