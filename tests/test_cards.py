"""Cards of entries that were trained otherwise than the recipe of their name says."""

from keras_ssl import architectures, cards, recipes, zoo
from keras_ssl.methods.image import rotation


def test_a_card_says_how_to_train_its_entry_and_how_it_was(monkeypatch, tmp_path):
    model = rotation.build(architectures.build("convnet", widths=[4, 4, 4], stem=8))
    usual = recipes.get("rotation")
    recipe = usual.replace(epochs=usual.epochs + 1, warmup=0.25, options={**usual.options, "colour": "grey"})
    monkeypatch.setattr(zoo, "bundled", lambda: tmp_path)
    zoo.save(model, "rotation", recipe=usual, folder=tmp_path)
    assert "`keras-ssl pretrain rotation --out runs/my_rotation` trains it again.\n" in cards.card("rotation")
    assert "| epochs |" in cards.card("rotation") and "| window |" not in cards.card("rotation")  # images have none
    zoo.save(model, "rotation", recipe=recipe, folder=tmp_path, made="Pencil and paper in 9 s")
    said = f"`keras-ssl pretrain rotation --epochs {recipe.epochs} --set warmup=0.25 --set colour=grey --out "
    assert said in cards.card("rotation")
    assert "trains it again. These weights: Pencil and paper in 9 s.\n" in cards.card("rotation")
