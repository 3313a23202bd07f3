"""Make a packed system a repository of the Hugging Face hub: in a folder, or on the hub itself.

c2ser publish exp/demo/packed --to exp/demo/hub
c2ser publish exp/demo/packed --to hub --repo_id name/polish-ser      # after `hf auth login`; private unless --public

Its card gets the results as metadata, and transformers' pipeline loads it wherever c2ser is installed.
"""

import argparse
import tempfile
from pathlib import Path

from c2ser.errors import InputError, brief


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="What c2ser pack made")
    parser.add_argument("--to", required=True, help="A folder to make, or the word hub")
    parser.add_argument("--repo_id", help="USER/NAME on the hub")
    parser.add_argument("--public", action="store_true", help="Everybody may see a repository that is made anew")
    return parser


def main(argv=None):
    """Write, and upload where that is asked for."""
    args = get_parser().parse_args(argv)
    if (args.to == "hub") != bool(args.repo_id):
        raise InputError("--repo_id USER/NAME belongs to --to hub, and is needed there")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.utils import validate_repo_id

    from c2ser.fileio import new_folder
    from c2ser.packing.publish import write_repository

    if args.to != "hub":
        with new_folder(args.to, "--to") as folder:
            count = write_repository(args.folder, folder)
        print(f"{args.to}: {count} results in its card")
        return
    try:
        validate_repo_id(args.repo_id)
        with tempfile.TemporaryDirectory() as folder:
            write_repository(args.folder, Path(folder))
            HfApi().create_repo(args.repo_id, private=not args.public, exist_ok=True)
            HfApi().upload_folder(repo_id=args.repo_id, folder_path=folder, commit_message="A system packed by c2ser")
    except HFValidationError as error:
        raise InputError(f"--repo_id {args.repo_id}: {brief(error)}") from None
    except (HfHubHTTPError, OSError) as error:
        raise InputError(f"{args.repo_id}: the hub does not take it ({brief(error)}); see hf auth login") from None
    print(f"https://huggingface.co/{args.repo_id}")
