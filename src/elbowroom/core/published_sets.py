"""The published sets of images that `source:` may name: to add one, add its entry to PUBLISHED.

datasets.layouts reads the files of each Layout. Only what has another form than these needs code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from elbowroom.core.dataset_settings import Dataset, FolderDataset
from elbowroom.core.settings import Shape


class Layout(StrEnum):
    """How the files of a published set are laid out."""

    IDX = "MNIST's four files"
    ZIPPED_IDX = "the same files in a zip, each image transposed"
    CIFAR = "a tar with records of labels and pixels"
    MATLAB = "a MATLAB file for each split"


@dataclass(frozen=True)
class PublishedSet:
    """What is known of a published set.

    title: its name in texts. shape: (C, H, W). train_images, test_images: how many each split has. classes: by label.
    url: where the archives are published. folder: where they are in a mirror and in the cache folder. licence: what its
    publisher, or who is named, says of it. archives: the md5 of each as published, empty if the files in it are
    verified instead, since a mirror may have packed them anew. files: in the archives, the sha256 of each or nothing.
    """

    title: str
    shape: Shape
    train_images: int
    test_images: int
    classes: Sequence[str]
    layout: Layout
    url: str
    folder: str
    licence: str
    archives: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)


DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
# fmt: off
CIFAR100_CLASSES = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
    "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
    "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
    "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
    "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
    "willow_tree", "wolf", "woman", "worm",
]
# fmt: on

PUBLISHED = {
    "mnist": PublishedSet(
        title="MNIST",
        shape=(1, 28, 28),
        train_images=60_000,
        test_images=10_000,
        classes=DIGITS,
        layout=Layout.IDX,
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        folder="mnist/",
        licence="CC BY-SA 3.0, as the documentation of Keras states",
        archives=dict.fromkeys(
            [
                "train-images-idx3-ubyte.gz",
                "train-labels-idx1-ubyte.gz",
                "t10k-images-idx3-ubyte.gz",
                "t10k-labels-idx1-ubyte.gz",
            ],
            "",
        ),
        files={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": PublishedSet(
        title="Fashion-MNIST",
        shape=(1, 28, 28),
        train_images=60_000,
        test_images=10_000,
        classes=[
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ],
        layout=Layout.IDX,
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        folder="fashion-mnist/",
        licence="MIT",
        archives=dict.fromkeys(
            [
                "train-images-idx3-ubyte.gz",
                "train-labels-idx1-ubyte.gz",
                "t10k-images-idx3-ubyte.gz",
                "t10k-labels-idx1-ubyte.gz",
            ],
            "",
        ),
        files={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
    "kmnist": PublishedSet(
        title="Kuzushiji-MNIST",
        shape=(1, 28, 28),
        train_images=60_000,
        test_images=10_000,
        classes=["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
        layout=Layout.IDX,
        url="http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        folder="kmnist/",
        licence="CC BY-SA 4.0",
        archives={
            "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
            "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
            "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
            "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
        },
    ),
    "emnist-digits": PublishedSet(
        title="EMNIST digits",
        shape=(1, 28, 28),
        train_images=240_000,
        test_images=40_000,
        classes=DIGITS,
        layout=Layout.ZIPPED_IDX,
        url="https://biometrics.nist.gov/cs_links/EMNIST/",
        folder="emnist/",
        licence="none is stated; it is made of NIST Special Database 19",
        archives={"gzip.zip": "58c8d27c78d21e728a6bc7b3cc06412e"},
        files=dict.fromkeys(
            [
                "gzip/emnist-digits-train-images-idx3-ubyte.gz",
                "gzip/emnist-digits-train-labels-idx1-ubyte.gz",
                "gzip/emnist-digits-test-images-idx3-ubyte.gz",
                "gzip/emnist-digits-test-labels-idx1-ubyte.gz",
            ],
            "",
        ),
    ),
    "cifar10": PublishedSet(
        title="CIFAR-10",
        shape=(3, 32, 32),
        train_images=50_000,
        test_images=10_000,
        classes=["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        layout=Layout.CIFAR,
        url="https://www.cs.toronto.edu/~kriz/",
        folder="",
        licence="none is stated",
        archives={"cifar-10-binary.tar.gz": ""},
        files={
            "cifar-10-batches-bin/data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "cifar-10-batches-bin/data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "cifar-10-batches-bin/data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "cifar-10-batches-bin/data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "cifar-10-batches-bin/data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "cifar-10-batches-bin/test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        },
    ),
    "cifar100": PublishedSet(
        title="CIFAR-100",
        shape=(3, 32, 32),
        train_images=50_000,
        test_images=10_000,
        classes=CIFAR100_CLASSES,
        layout=Layout.CIFAR,
        url="https://www.cs.toronto.edu/~kriz/",
        folder="",
        licence="none is stated",
        archives={"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"},
        files=dict.fromkeys(["cifar-100-binary/train.bin", "cifar-100-binary/test.bin"], ""),
    ),
    "svhn": PublishedSet(
        title="SVHN",
        shape=(3, 32, 32),
        train_images=73_257,
        test_images=26_032,
        classes=DIGITS,
        layout=Layout.MATLAB,
        url="http://ufldl.stanford.edu/housenumbers/",
        folder="svhn/",
        licence="for non-commercial use only",
        archives={
            "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
            "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
        },
    ),
}


def image_shape(settings: Dataset) -> Shape:
    """Return the shape (C, H, W) of a dataset's images, which its settings decide before any image is read."""
    if isinstance(settings, FolderDataset):
        return settings.channels, *settings.sides
    return PUBLISHED[settings.source].shape
