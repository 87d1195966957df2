"""What the cosines of a model mean, found out from a few texts where nobody measured it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ragline.providers.contracts import Calibration, Vectors

LEXICAL_WEIGHT = 0.3
CROSS_LANGUAGE_WEIGHT = 0.1
# Nearness must keep some length, whatever a model makes of the samples.
LEAST_SPAN = 0.1
SAMPLES = (
    (
        "How long does the warranty of the kettle last?",
        "The manufacturer guarantees the kettle for two years from the day of purchase. The "
        "warranty covers all parts except the filter.",
    ),
    (
        "Why do leaves turn red in autumn?",
        "As days grow shorter, trees stop making chlorophyll. The green fades, and red and yellow "
        "pigments in the leaves become visible before they fall.",
    ),
    (
        "What does the central bank do against inflation?",
        "To slow rising prices, the central bank raises its interest rate: loans become dearer, "
        "and firms and households spend less.",
    ),
    (
        "Who may cancel the rental contract early?",
        "The tenant may end the lease before its term with three months' notice if the landlord "
        "fails to repair serious defects.",
    ),
    (
        "Quels sont les symptômes de la grippe ?",
        "La grippe commence brusquement par une forte fièvre, des frissons, des maux de tête et "
        "des douleurs musculaires, suivis d'une toux sèche.",
    ),
    (
        "Wann wurde die Eisenbahn nach Fürth eröffnet?",
        "Am 7. Dezember 1835 fuhr der erste Zug auf der Strecke von Nürnberg nach Fürth; damit "
        "begann in Deutschland das Zeitalter der Eisenbahn.",
    ),
    (
        "¿Cómo se prepara una tortilla de patatas?",
        "Se fríen las patatas en aceite de oliva, se mezclan con los huevos batidos y se cuaja la "
        "tortilla en la sartén por ambos lados.",
    ),
    (
        "How is the lift of a wing measured?",
        "The model of the wing is hung on a balance in the wind tunnel, which shows the force "
        "across the stream of air at each angle of attack.",
    ),
)
"""Questions, each with a passage that answers it and those of the others, which do not."""


def measured(
    embed_queries: Callable[[Sequence[str]], Vectors],
    embed_passages: Callable[[Sequence[str]], Vectors],
) -> Calibration:
    """Return a calibration by the samples: unrelated is what is usual for a strange passage.

    The ceiling is the best cosine of a question with the passage that answers it.
    """
    questions = embed_queries([question for question, _ in SAMPLES])
    passages = embed_passages([passage for _, passage in SAMPLES])
    cosines = questions @ passages.T
    own = np.eye(len(SAMPLES), dtype=bool)
    floor = float(np.mean(cosines[~own]))
    ceiling = min(1.0, max(float(np.max(cosines[own])), floor + LEAST_SPAN))
    return Calibration(
        floor=floor,
        ceiling=ceiling,
        lexical_weight=LEXICAL_WEIGHT,
        cross_language_weight=CROSS_LANGUAGE_WEIGHT,
    )
