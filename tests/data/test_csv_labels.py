import numpy as np
import pytest

from keras_ssl.data.csv_labels import read_csv
from keras_ssl.errors import InputError


def table(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return read_csv(path)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["cat", "dog"], "U", ["cat", "dog"]),
        (["2", "10"], "i", [2, 10]),
        (["2.5", "10"], "f", [2.5, 10]),
        (["1", "unknown"], "U", ["1", "unknown"]),
    ],
)
def test_one_column(tmp_path, cells, kind, values):
    found = table(tmp_path, f"file,kind\na.png,{cells[0]}\nb.png,{cells[1]}\n")
    assert (found.files, found.names, found.values.dtype.kind) == (["a.png", "b.png"], ["kind"], kind)
    assert found.values.tolist() == values


def test_several_columns_spaces_quotes_and_byte_order_mark(tmp_path):
    found = table(tmp_path, '\ufefffile, sky ,"sea, far"\n"a,1.png",1, 0\n\nb.png,0,1\n')
    assert (found.files, found.names) == (["a,1.png", "b.png"], ["sky", "sea, far"])
    np.testing.assert_array_equal(found.values, [[1, 0], [0, 1]])


def test_the_file_column_may_stand_anywhere(tmp_path):
    assert table(tmp_path, "kind,file\ncat,a.png\n").files == ["a.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header line 'file,VALUE'.*nothing"),
        ("name,kind\na.png,cat\n", "header line 'file,VALUE'.*name, kind"),
        ("file;kind\na.png;cat\n", "it has: file;kind"),
        ("file\na.png\n", "one or more value columns"),
        ("file,kind\n", "no rows"),
        ("file,kind\na.png,\n", "line 2 of labels.csv must have one value for each of file, kind"),
        ("file,kind\na.png,cat\nb.png,cat,dog\n", "line 3"),
        ("file,kind\na.png,cat\na.png,dog\n", "names a.png 2 times"),
        ("file,size\na.png,1.5\nb.png,2.5\nc.png,big\n", "line 4 of labels.csv has 'big'"),
        ("file,size\na.png,1.5\nb.png,nan\n", "line 3 of labels.csv has 'nan'"),
        ("file,sky,sea\na.png,1,0\nb.png,yes,0\n", "line 3 of labels.csv has 'yes,0'"),
    ],
)
def test_wrong_tables(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        table(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_no_text(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="can't be read"):
        read_csv(path)
