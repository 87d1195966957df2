"""What Ragline asks of the parts it does not own; a file for each kind.

Adapters live in a folder per contract, are named in the package's entry points and
loaded by `registry.py`. They raise nothing but errors from `ragline.errors`.
"""

from __future__ import annotations

from ragline.language.lexical import LexicalVector as LexicalVector
from ragline.providers.contracts.answering import (
    LLM as LLM,
)
from ragline.providers.contracts.answering import (
    Answer as Answer,
)
from ragline.providers.contracts.answering import (
    Ask as Ask,
)
from ragline.providers.contracts.answering import (
    Passage as Passage,
)
from ragline.providers.contracts.answering import (
    Quote as Quote,
)
from ragline.providers.contracts.answering import (
    Rewrite as Rewrite,
)
from ragline.providers.contracts.answering import (
    Task as Task,
)
from ragline.providers.contracts.answering import (
    Turn as Turn,
)
from ragline.providers.contracts.answering import (
    Usage as Usage,
)
from ragline.providers.contracts.answering import (
    Written as Written,
)
from ragline.providers.contracts.answering import (
    drained as drained,
)
from ragline.providers.contracts.counted_images import (
    CountedImageEmbedder as CountedImageEmbedder,
)
from ragline.providers.contracts.embedding import (
    Calibration as Calibration,
)
from ragline.providers.contracts.embedding import (
    Embedded as Embedded,
)
from ragline.providers.contracts.embedding import (
    Embedder as Embedder,
)
from ragline.providers.contracts.embedding import (
    ImageCalibration as ImageCalibration,
)
from ragline.providers.contracts.embedding import (
    ImageEmbedder as ImageEmbedder,
)
from ragline.providers.contracts.embedding import (
    Picture as Picture,
)
from ragline.providers.contracts.embedding import (
    RemoteEmbedder as RemoteEmbedder,
)
from ragline.providers.contracts.embedding import (
    Vectors as Vectors,
)
from ragline.providers.contracts.indexing import (
    Comparison as Comparison,
)
from ragline.providers.contracts.indexing import (
    Compound as Compound,
)
from ragline.providers.contracts.indexing import (
    Filter as Filter,
)
from ragline.providers.contracts.indexing import (
    HeldChunk as HeldChunk,
)
from ragline.providers.contracts.indexing import (
    HeldChunks as HeldChunks,
)
from ragline.providers.contracts.indexing import (
    IndexedChunk as IndexedChunk,
)
from ragline.providers.contracts.indexing import (
    Match as Match,
)
from ragline.providers.contracts.indexing import (
    MetadataValue as MetadataValue,
)
from ragline.providers.contracts.indexing import (
    TermCounts as TermCounts,
)
from ragline.providers.contracts.indexing import (
    VectorStore as VectorStore,
)
from ragline.providers.contracts.keeping import (
    AnswerCache as AnswerCache,
)
from ragline.providers.contracts.keeping import (
    KeptAnswer as KeptAnswer,
)
from ragline.providers.contracts.keeping import (
    KeptQuestion as KeptQuestion,
)
from ragline.providers.contracts.libraries import (
    LibraryChanges as LibraryChanges,
)
from ragline.providers.contracts.libraries import (
    ReferenceLibrary as ReferenceLibrary,
)
from ragline.providers.contracts.reading import (
    OCR as OCR,
)
from ragline.providers.contracts.reading import (
    PagePicture as PagePicture,
)
from ragline.providers.contracts.reading import (
    PageReading as PageReading,
)
from ragline.providers.contracts.reading import (
    PageText as PageText,
)
from ragline.providers.contracts.reading import (
    Parser as Parser,
)
from ragline.providers.contracts.reading import (
    PictureParser as PictureParser,
)
from ragline.providers.contracts.reading import (
    Pixels as Pixels,
)
from ragline.providers.contracts.reranking import (
    Reranked as Reranked,
)
from ragline.providers.contracts.reranking import (
    Reranker as Reranker,
)
