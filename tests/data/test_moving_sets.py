import numpy as np
import pytest

from keras_ssl import data
from keras_ssl.data.moving_sets import open_moving
from keras_ssl.errors import InputError


@pytest.fixture(scope="module")
def squares():
    """Squares of 4x4 pixels, of brightness 10 (class 0) to 60 (class 5) for training, 100 above that for testing."""
    bright = np.arange(10, 70, 10).astype("uint8").repeat(10)
    images = np.ones((60, 4, 4, 1), "uint8") * bright[:, None, None, None]
    labels = np.arange(6).repeat(10)
    return data.open({"train": (images, labels), "test": (images + 100, labels)})


def test_two_images_move_evenly_and_bounce(squares):
    moving = open_moving(squares, frames=12, size=(34, 34))
    assert (moving.kind, moving.shape, moving.task) == ("video", (12, 34, 34, 1), "multilabel")
    clips, labels = moving.arrays("train")
    assert len(clips) == 60 // 2 and set(np.unique(clips)) <= {0, 10, 20, 30, 40, 50, 60}
    assert [set(np.unique(clip)) - {0} for clip in clips] == [
        {10 * (1 + c) for c in np.flatnonzero(row)} for row in labels
    ]
    steps = []
    for clip in clips:
        bright = clip.max()  # the square that covers the other one
        if (clip == bright).sum(axis=(1, 2, 3)).max() > 16:
            continue  # two of a kind
        corners = np.array([np.argwhere(frame[..., 0] == bright).min(axis=0) for frame in clip])
        assert ((clip == bright).sum(axis=(1, 2, 3)) == 16).all()
        moves = np.abs(np.diff(corners, axis=0))
        straight = (np.diff(np.sign(np.diff(corners, axis=0)), axis=0) == 0).all(axis=1)
        steps += np.linalg.norm(moves[1:-1][straight[1:] & straight[:-1]], axis=1).tolist()  # no bounce within
    # A tenth of the 30 pixels that there are; positions are whole pixels.
    assert np.mean(steps) == pytest.approx(3, abs=0.15) and max(np.abs(np.array(steps) - 3)) < 1.5


def test_clips_are_always_the_same_and_of_their_splits_images(squares):
    moving, again = (open_moving(squares, frames=5, size=(16, 16)) for _ in range(2))
    np.testing.assert_array_equal(moving.arrays("train")[0], again.arrays("train")[0])
    assert moving.arrays("test")[0].max() > 100 >= moving.arrays("train")[0].max()
    shuffled = list(moving.stream("train", labels=False, shuffle=3).as_numpy_iterator())
    key = lambda clip: clip.tobytes()  # noqa: E731
    assert sorted(map(key, shuffled)) == sorted(map(key, moving.arrays("train")[0]))
    (clip, label), *_ = moving.stream("train", keep=[7])
    np.testing.assert_array_equal(clip, moving.arrays("train")[0][7])
    np.testing.assert_array_equal(label, moving.labels("train")[7])


def test_the_bundled_digits_move():
    moving = data.open("moving:mnist_sample")
    assert moving.shape == (20, 64, 64, 1) and moving.classes == [str(i) for i in range(10)]
    assert moving.count("test") == 1000 // 2 and "CC BY-SA" in moving.licence


def test_images_have_to_fit(squares):
    with pytest.raises(InputError, match="images of 4x4 can't move in clips of 3x9"):
        open_moving(squares, size=(3, 9))
    with pytest.raises(InputError, match="images of one size"):
        data.open("moving:polarity_sample")
    with pytest.raises(InputError, match="mnist_sample"):
        data.open("moving:mnst_sample")
