"""The few statistics that results state: shares with limits, comparisons, and many comparisons at once."""

from cjmining.stats.bands import Limits, limits_of_probabilities, width_of_band
from cjmining.stats.comparisons import Comparison, benjamini_hochberg, compare_shares, fisher, p_of_turning
from cjmining.stats.shares import (
    Z95,
    Difference,
    Mean,
    Share,
    design_effect,
    mean_of_clusters,
    newcombe,
    wilson,
    wilson_of_clusters,
)

__all__ = [
    "Z95",
    "Comparison",
    "Difference",
    "Limits",
    "Mean",
    "Share",
    "benjamini_hochberg",
    "compare_shares",
    "design_effect",
    "fisher",
    "limits_of_probabilities",
    "mean_of_clusters",
    "newcombe",
    "p_of_turning",
    "width_of_band",
    "wilson",
    "wilson_of_clusters",
]
