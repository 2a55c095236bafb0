"""Which arguments of which functions and methods name a file or a folder. Tables only."""

from __future__ import annotations

from functools import cache

_FUNCTIONS = """
    builtins.open 0 file
    io.open 0 file
    io.FileIO 0 file
    codecs.open 0 filename
    os.open 0 path
    os.makedirs 0 name
    os.mkdir 0 path
    os.listdir 0 path
    os.scandir 0 path
    os.walk 0 top
    os.remove 0 path
    os.unlink 0 path
    os.rmdir 0 path
    os.rename 0 src
    os.rename 1 dst
    os.replace 0 src
    os.replace 1 dst
    os.utime 0 path
    shutil.rmtree 0 path
    shutil.copy 0 src
    shutil.copy 1 dst
    shutil.copy2 0 src
    shutil.copy2 1 dst
    shutil.copyfile 0 src
    shutil.copyfile 1 dst
    shutil.copytree 0 src
    shutil.copytree 1 dst
    shutil.move 0 src
    shutil.move 1 dst
    shutil.make_archive 0 base_name
    shutil.make_archive 2 root_dir
    shutil.unpack_archive 0 filename
    shutil.unpack_archive 1 extract_dir
    glob.glob 0 pathname
    glob.glob 9 root_dir
    glob.iglob 0 pathname
    glob.iglob 9 root_dir
    gzip.open 0 filename
    gzip.GzipFile 0 filename
    bz2.open 0 filename
    bz2.BZ2File 0 filename
    lzma.open 0 filename
    lzma.LZMAFile 0 filename
    zipfile.ZipFile 0 file
    zipfile.Path 0 root
    zipfile.ZipFile().extractall 0 path
    zipfile.ZipFile().extract 1 path
    zipfile.ZipFile().write 0 filename
    tempfile.mkdtemp 2 dir
    tempfile.mkstemp 2 dir
    tempfile.NamedTemporaryFile 9 dir
    tempfile.TemporaryFile 9 dir
    tempfile.TemporaryDirectory 2 dir
    tempfile.SpooledTemporaryFile 9 dir
    logging.FileHandler 0 filename
    logging.handlers.RotatingFileHandler 0 filename
    logging.handlers.TimedRotatingFileHandler 0 filename
    logging.handlers.WatchedFileHandler 0 filename
    logging.basicConfig 99 filename
    loguru.logger.add 0 sink
    configparser.ConfigParser().read 0 filenames
    configparser.RawConfigParser().read 0 filenames
    xml.etree.ElementTree.parse 0 source
    xml.etree.ElementTree.iterparse 0 source
    xml.etree.ElementTree.ElementTree().write 0 file_or_filename
    pathlib.Path().rename 0 target
    pathlib.Path().replace 0 target
    pathlib.Path().symlink_to 0 target
    pathlib.Path().hardlink_to 0 target
    openpyxl.load_workbook 0 filename
    xlsxwriter.Workbook 0 filename
    reportlab.pdfgen.canvas.Canvas 0 filename
    reportlab.pdfgen.canvas.Canvas().drawImage 0 image
    reportlab.platypus.SimpleDocTemplate 0 filename
    reportlab.platypus.BaseDocTemplate 0 filename
    reportlab.platypus.Image 0 filename
    reportlab.lib.utils.ImageReader 0 fileName
    PIL.Image.open 0 fp
    pandas.ExcelWriter 0 path
    pandas.ExcelFile 0 path_or_buffer
    pandas.read_csv 0 filepath_or_buffer
    pandas.read_table 0 filepath_or_buffer
    pandas.read_fwf 0 filepath_or_buffer
    pandas.read_excel 0 io
    pandas.read_json 0 path_or_buf
    pandas.read_html 0 io
    pandas.read_xml 0 path_or_buffer
    pandas.read_parquet 0 path
    pandas.read_feather 0 path
    pandas.read_orc 0 path
    pandas.read_stata 0 filepath_or_buffer
    pandas.read_sas 0 filepath_or_buffer
    pandas.read_spss 0 path
    numpy.load 0 file
    numpy.save 0 file
    numpy.savez 0 file
    numpy.savez_compressed 0 file
    numpy.savetxt 0 fname
    numpy.loadtxt 0 fname
    numpy.genfromtxt 0 fname
    numpy.fromfile 0 file
    matplotlib.pyplot.savefig 0 fname
    matplotlib.pyplot.imsave 0 fname
    matplotlib.pyplot.imread 0 fname
    matplotlib.image.imread 0 fname
    matplotlib.image.imsave 0 fname
    flask.send_file 0 path_or_file
    flask.send_file 0 filename_or_fp
    flask.send_from_directory 0 directory
    dotenv.dotenv_values 0 dotenv_path
    dotenv.load_dotenv 0 dotenv_path
"""
"""Function, position, keyword. Positions beyond the last one stand for keywords that have none."""

_FOLDERS_READ = """
    flask.Flask 99 static_folder
    flask.Flask 99 template_folder
    jinja2.FileSystemLoader 0 searchpath
"""
"""Folders of pages and templates, which may have any place beside the script."""

WRITING_METHODS = {
    "to_csv", "to_excel", "to_json", "to_html", "to_parquet", "to_latex", "to_xml", "to_feather", "to_stata",
    "to_orc", "savefig", "imsave", "tofile", "extractall",
}  # fmt: skip
"""Methods that write to, or unpack into, their first argument."""
PATH_METHODS = {
    "read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir", "rmdir", "touch", "iterdir",
    "glob", "rglob", "open", "rename", "replace", "symlink_to", "hardlink_to", "walk",
}  # fmt: skip
"""Methods of a path that touch what it names."""


@cache
def path_arguments() -> dict[str, list[tuple[int, str]]]:
    """The position and keyword of each path argument, by the function's dotted name."""
    return _table(_FUNCTIONS)


@cache
def folder_arguments() -> dict[str, list[tuple[int, str]]]:
    """The same for folders that are only read, wherever they lie beside the script."""
    return _table(_FOLDERS_READ)


def _table(text: str) -> dict[str, list[tuple[int, str]]]:
    table: dict[str, list[tuple[int, str]]] = {}
    for line in text.strip().splitlines():
        name, position, keyword = line.split()
        table.setdefault(name, []).append((int(position), keyword))
    return table
