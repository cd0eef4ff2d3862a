from keras_ssl.errors import InputError, unknown


def test_near_names_are_offered():
    error = unknown("data set", "cifar1", ["mnist", "cifar10", "cifar100"])
    assert isinstance(error, InputError) and isinstance(error, ValueError)
    assert str(error) == "unknown data set 'cifar1'; did you mean cifar10, cifar100?"


def test_all_names_are_listed_where_none_is_near():
    assert str(unknown("method", "zzz", ["simclr", "byol"])) == "unknown method 'zzz'; there are: simclr, byol"
    assert str(unknown("method", 3, [f"name{i}" for i in range(30)])).endswith("name19, ...")


def test_a_long_name_is_cut_short():
    assert str(unknown("word", "b" * 100_000, ["a"])) == f"unknown word '{'b' * 60}…'; there are: a"
