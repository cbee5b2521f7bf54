"""seqbench: which sequence architecture is better, by how much, at what cost, how sure are we?

Tensor names carry their shape as a suffix (`x_BTD`):

    B batch    T time (source)    S time (target)    D model width    V vocabulary
    C classes  H horizon          N examples         K kernel width   L layers
"""

from __future__ import annotations

from seqbench.api import build, load_records, load_run

__all__ = ["build", "load_records", "load_run"]
