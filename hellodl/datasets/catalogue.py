"""The data sets hellodl knows: where they come from, how to recognise them, whom to credit."""

from dataclasses import dataclass

from hellodl.errors import UsageError

_MNIST_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class File:
    """A file as its publisher offers it.

    `checksum` is "sha256:…" or "md5:…" of the compressed bytes; it and `size` (bytes) are None where nobody
    publishes them.
    """

    name: str
    checksum: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Archive(File):
    """A zip file that holds the data files, each under `prefix` + its name."""

    prefix: str = ""


@dataclass(frozen=True)
class Source:
    """One data set: its files, its mirrors (base addresses, best first), its licence and its classes."""

    name: str
    title: str
    files: tuple[File, ...]  # images and labels to train on, images and labels to test on
    mirrors: tuple[str, ...]
    licence: str
    attribution: str
    classes: tuple[str, ...] = DIGITS
    archive: Archive | None = None
    transposed: bool = False

    def split(self, name: str) -> tuple[File, ...]:
        """Images and labels of the "train" or "test" split; raises UsageError for any other name."""
        if name not in {"train", "test"}:
            raise UsageError(f"split {name!r} is unknown, expected 'train' or 'test'")
        return self.files[:2] if name == "train" else self.files[2:]


def _like_mnist(*known: tuple[str, int]) -> tuple[File, ...]:
    """Four files under MNIST's names, from their SHA-256 and size."""
    return tuple(
        File(name, f"sha256:{digest}", size) for name, (digest, size) in zip(_MNIST_NAMES, known, strict=True)
    )


MNIST = Source(
    name="mnist",
    title="MNIST handwritten digits",
    files=_like_mnist(
        ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
        ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
        ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
        ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    licence="CC BY-SA 3.0",
    attribution="Yann LeCun and Corinna Cortes",
)

FASHION_MNIST = Source(
    name="fashion-mnist",
    title="Fashion-MNIST, pictures of clothes",
    files=_like_mnist(
        ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
        ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
        ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
        ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
    ),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    licence="MIT",
    attribution="Zalando SE (Han Xiao, Kashif Rasul, Roland Vollgraf)",
    classes=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
)

KMNIST = Source(
    name="kmnist",
    title="Kuzushiji-MNIST, hiragana in old handwriting",
    files=_like_mnist(
        ("51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", 18_165_135),
        ("e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", 29_497),
        ("edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", 3_041_136),
        ("20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", 5_120),
    ),
    mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    licence="CC BY-SA 4.0",
    attribution='"KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" (created by NIJL and '
    "others), doi:10.20676/00000341",
    classes=("お o", "き ki", "す su", "つ tsu", "な na", "は ha", "ま ma", "や ya", "れ re", "を wo"),
)

EMNIST_DIGITS = Source(
    name="emnist-digits",
    title="EMNIST Digits, 280,000 handwritten digits",
    files=tuple(File(f"emnist-digits-{name.replace('t10k', 'test')}") for name in _MNIST_NAMES),
    mirrors=("https://biometrics.nist.gov/cs_links/EMNIST/",),
    licence="none stated (made from NIST Special Database 19, a work of the US government)",
    attribution="Gregory Cohen, Saeed Afshar, Jonathan Tapson, André van Schaik: EMNIST, arXiv:1702.05373",
    archive=Archive(
        "gzip.zip",
        "sha256:fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        561_753_746,
        prefix="gzip/",
    ),
    transposed=True,
)

QMNIST = Source(
    name="qmnist",
    title="QMNIST, MNIST rebuilt with 60,000 test digits",
    files=(
        File("qmnist-train-images-idx3-ubyte.gz", "md5:ed72d4157d28c017586c42bc6afe6370"),
        File(
            "qmnist-train-labels-idx2-int.gz",
            "sha256:2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
            463_024,
        ),
        File("qmnist-test-images-idx3-ubyte.gz", "md5:1394631089c404de565df7b7aeaf9412"),
        File(
            "qmnist-test-labels-idx2-int.gz",
            "sha256:9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
            526_800,
        ),
    ),
    mirrors=("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
    licence="BSD-style, in the LICENSE file of github.com/facebookresearch/qmnist",
    attribution="Chhavi Yadav and Léon Bottou: Cold Case, the Lost MNIST Digits, arXiv:1905.10498",
)

CATALOGUE = {source.name: source for source in (MNIST, FASHION_MNIST, KMNIST, EMNIST_DIGITS, QMNIST)}


def lookup(name: str) -> Source:
    """The record of the data set `name`; raises UsageError for a name the catalogue does not have."""
    if name not in CATALOGUE:
        raise UsageError(f"data set {name!r} is unknown, expected one of {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
