"""The command `keras-ssl`. TensorFlow is imported by the commands that need it, not by `list`, `info` and `--help`."""

import os

import typer

from . import exploring, looking, training

app = typer.Typer(
    help="Self-supervised learning for Keras: pretrained models, and training your own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(looking.list_entries)
app.command()(looking.info)
app.command()(training.pretrain)
app.command()(training.finetune)
app.command()(looking.show)
app.command()(exploring.explore)


def main():
    """Run the command with the arguments of this process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # hundreds of lines about the processor
    app(prog_name="keras-ssl")
