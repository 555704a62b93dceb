"""The JSON Schema of resolvers.yaml, for editors, on stdout."""

import json
import sys

from resolver_diff.config.model import schema

if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
