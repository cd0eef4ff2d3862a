"""The methods, one module each, grouped by modality. A method is a module with these names:

pretext(batch, seed, ...) -> inputs, targets   the pseudo-label maker: pure, stateless TensorFlow on a batch
build(encoder, ...) -> keras.Model             encoder + head, functional API. An argument `shape` of it gets the
                                               images' (H, W, C), `legend` the classes and their colours, `counts` of
                                               pretext how often each word occurs
LOSS, METRICS                                  what compile() gets; LOSS None where train_step has its own, a
                                               dictionary where the option `loss` picks one, the default first
measure(model, dataset) -> dict                how well it does on the test split: name -> {"value": ...} beside
                                               what a method without learning reaches, {"chance": 0.25}
show(model, images) -> rows                    (title, images, captions) for a picture that a person looks at
notes(model, folder) -> Markdown               (only where the card says more; pictures go into the folder. None
                                               leaves what it said before)
prepare(dataset, recipe, lexicon, ...) -> Prepared
                                               (only where the modality's isn't what the method learns from. lexicon:
                                               None, or the words that it has to learn with; more arguments are options)
LABELLED = True                                (only where pretext needs labels: its batch is (images, labels))
seen(frames) -> number                         (only of clips: how many frames of so many the network sees at once)
FIXED_SIZE = True                              (only where the network takes images of one size)
OWN_ENCODER = True                             (only where the encoder's weights are the method's own: build refuses
                                               others with an InputError)
"""

import importlib
import inspect
import pkgutil

from ..errors import unknown

LEARNED = ("shape", "counts", "legend")  # arguments that aren't a person's to choose: they come from the data


def names():
    """Every method: "image.rotation", ..."""
    return [
        f"{modality.name}.{module.name}"
        for modality in pkgutil.iter_modules(__path__)
        for module in pkgutil.iter_modules([f"{__path__[0]}/{modality.name}"])
    ]


def get(name):
    """The method's module. Raises InputError with the nearest names for an unknown one."""
    if name not in names():
        raise unknown("method", name, names())
    return importlib.import_module(f"{__name__}.{name}")


def wanted(function, **learned):
    """Those of the arguments, learned from the data, that a method's function has."""
    return {k: v for k, v in learned.items() if k in inspect.signature(function).parameters}


def taken(method, function):
    """The names of a method's options that its `pretext`, or its `build`, takes."""
    names = list(inspect.signature(getattr(method, function)).parameters)[{"pretext": 2, "build": 1}[function] :]
    return [name for name in names if name not in LEARNED]


def known_options(method):
    """The names of all options of a method, sorted."""
    more = list(inspect.signature(method.prepare).parameters)[3:] if hasattr(method, "prepare") else []
    more += ["loss"] if isinstance(method.LOSS, dict) else []
    return sorted({*taken(method, "pretext"), *taken(method, "build"), *more})


def options_of(method, options):
    """(pretext's keyword arguments, build's, the loss) from a recipe's options. InputError for an unknown one."""
    known = known_options(method)
    for option in options:
        if option not in known:
            raise unknown(f"option of {method.__name__.rsplit('.', 1)[-1]}", option, known)
    loss = method.LOSS
    if isinstance(loss, dict):
        choice = options.get("loss", next(iter(loss)))
        if choice not in loss:
            raise unknown("loss", choice, list(loss))
        loss = loss[choice]
    pretext, build = ({k: v for k, v in options.items() if k in taken(method, f)} for f in ("pretext", "build"))
    return pretext, build, loss
