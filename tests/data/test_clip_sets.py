import numpy as np
import pytest
from PIL import Image

from keras_ssl import data
from keras_ssl.errors import InputError


def video(count, side=8, first=0):
    """Frames (T, side, side, 1) whose brightness is their number."""
    return np.broadcast_to(np.arange(first, first + count, dtype="uint8")[:, None, None, None], (count, side, side, 1))


def write_frames(folder, frames):
    folder.mkdir(parents=True)
    for i, frame in enumerate(frames):
        Image.fromarray(frame[..., 0]).save(folder / f"frame{i}.png")


def numbers(dataset, split="train"):
    return dataset.arrays(split)[0][..., 0, 0, 0].tolist()


def test_videos_are_cut_into_clips_one_after_the_other():
    clips = data.open(([video(7), video(3), video(4, first=50)], ["a", "b", "a"]), frames=3)
    assert (clips.kind, clips.shape, clips.classes) == ("video", (3, 8, 8, 1), ["a", "b"])
    assert numbers(clips) == [[0, 1, 2], [3, 4, 5], [0, 1, 2], [50, 51, 52]]
    assert clips.labels("train").tolist() == [0, 0, 1, 0]
    assert len(list(clips.stream("train", shuffle=1))) == 4


def test_an_array_of_five_axes_is_of_clips():
    clips = data.open({"train": np.zeros((6, 5, 8, 8, 3)), "test": np.zeros((2, 5, 8, 8, 3))})
    assert clips.kind == "video" and clips.shape == (5, 8, 8, 3) and clips.count("test") == 2
    smaller = data.open(np.zeros((6, 5, 8, 8, 3), "uint8"), size=4, channels=1)
    assert smaller.arrays("train")[0].shape == (6, 5, 4, 4, 1)


def test_folders_of_frames_are_videos_in_the_order_of_their_numbers(tmp_path):
    for name, first in (("walk", 0), ("run", 100)):
        for i in range(3):
            write_frames(tmp_path / name / f"clip{i}", video(12, first=first + 20 * i))
    clips = data.open(tmp_path, frames=12, channels=1)
    assert clips.classes == ["run", "walk"] and clips.count("train") + clips.count("test") == 6
    for clip, label in zip(numbers(clips), clips.labels("train"), strict=True):
        assert np.diff(clip).tolist() == [1] * 11  # frame2 before frame10
        assert (clip[0] >= 100) == (label == 0)
    assert data.open(tmp_path, frames=12, labels=False).task is None


def test_a_single_video_is_tested_on_its_end(tmp_path):
    write_frames(tmp_path / "film", video(50))
    clips = data.open(tmp_path, frames=5, channels=1)
    assert numbers(clips)[-1][-1] == 39 and [row[0] for row in numbers(clips, "test")] == [40, 45]


def test_video_files_are_read_frame_by_frame(tmp_path):
    pytest.importorskip("av", reason="PyAV comes with the extra keras_ssl[video]")
    frames = [Image.fromarray(np.full((16, 24, 3), 10 * i, "uint8")) for i in range(20)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:], duration=40)
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    with pytest.warns(UserWarning, match="1 of 2 videos of .* can't be read: broken.mp4"):
        clips = data.open(tmp_path, frames=4, size=8)
    assert clips.shape == (4, 8, 8, 3) and clips.skipped[0][0] == "broken.mp4"
    found = np.array(numbers(clips) + numbers(clips, "test")).ravel()
    np.testing.assert_allclose(found, 10 * np.arange(len(found)), atol=4)  # a GIF's colours are few


@pytest.mark.parametrize(
    ("source", "choices", "said"),
    [
        ([video(3), video(2)], {"frames": 4}, "3 frames at most, a clip takes 4"),
        ([video(3), video(3, side=9)], {}, "differ in size"),
        ([np.zeros((3, 4, 4, 7))], {}, r"\(T, H, W, C\)"),
        ([video(3)], {"frames": 0}, "1 frame or more"),
        ([video(3) + 300.0], {}, r"0\.\.255"),
        ("cifar10_sample", {"frames": 3}, "cifar10_sample"),
    ],
)
def test_what_cant_be_clips_is_told(source, choices, said):
    with pytest.raises(InputError, match=said):
        data.open(source, **choices)


def test_a_folder_without_videos_is_told(tmp_path):
    with pytest.raises(InputError, match="no video files .* and no folders of frames"):
        data.open(tmp_path, frames=3)
    with pytest.raises(InputError, match="doesn't exist"):
        data.open(tmp_path / "none", frames=3)
    (tmp_path / "a.mp4").write_bytes(b"no film")
    pytest.importorskip("av")
    with pytest.raises(InputError, match="none of the 1 videos"):
        data.open(tmp_path, frames=3)
