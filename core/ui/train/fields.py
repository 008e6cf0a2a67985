"""The options of the Train page that are a number or a choice: each is one field of a `TrainingSpec`."""

from core.schemas import Frozen

HELP = {
    "epochs": "Passes over the training samples, at most: early stopping ends fitting when the validation loss no"
    " longer falls, and the best epoch is kept.",
    "fine_tune_epochs": "Epochs of stage two, at most.",
    "unfreeze": "How many of the backbone's last blocks stage two trains. Earlier blocks have general features.",
    "image_size": "Height and width at which the backbone sees the images. Time grows with the square.",
    "batch_size": "Samples per gradient step, at most: stage two takes fewer where an epoch would have under ten"
    " steps.",
    "learning_rate": "Adam's first step size (Kingma and Ba 2015); it falls along a cosine.",
    "fine_tune_learning_rate": "The same for stage two; low, so that pretrained weights change gently.",
    "dropout": "Share of inputs set to zero in each training step (Srivastava et al. 2014).",
    "l2": "Precision of a Gaussian prior on new weights: the loss gets (l2 / n)‖W‖². Of a head that is solved it is"
    " chosen by cross-validation, unless you give one.",
    "trees": "Trees of a forest; of boosting, rounds at most, with early stopping by the validation loss.",
    "estimators": "How many models bagging or AdaBoost trains.",
    "folds": "Cross-validation: every sample is tested once by a model that was not trained on it. Keeps no model.",
    "label_smoothing": "Share of each label that is spread over all classes (Szegedy et al. 2016): less confident,"
    " often better calibrated, and robust to a few wrong labels.",
    "seed": "Equal seeds give equal runs on one machine.",
    "optimizer": "Adam (Kingma and Ba 2015); AdamW, which also shrinks weights; SGD with momentum, whose rate is ten"
    " times Adam's unless you give one.",
    "schedule": "How the learning rate changes from step to step; the live chart shows it.",
    "loss": "Focal loss (Lin et al. 2017) gives easy samples less weight. The epoch is always chosen by"
    " cross-entropy, or by macro-F1.",
    "monitor": "The validation loss, with classes weighted as in training, or the mean F1 of the classes: coarser,"
    " but what counts if rare classes are to be found.",
    "pull": "Strength of the penalty on the distance from the pretrained weights (Li et al. 2018): the higher, the"
    " nearer they stay.",
    "teacher_weight": "Share of the teacher's probabilities in the targets; the labels are the rest.",
    "teacher_temperature": "Above 1 the teacher's probabilities are softened, p^(1/T), so that a sure teacher shows"
    " which classes it finds similar (Hinton et al. 2015).",
    "relation_weight": "Times the weight of the paper's losses on distances and angles (Park et al. 2019).",
    "alignment_weight": "Times the usual weight of the loss that makes source and target alike; 0 switches it off.",
    "averaging": "A moving average of the weights, of about one epoch, is validated and kept (Polyak and Juditsky"
    " 1992).",
    "precision": "bfloat16 halves the precision of convolutions; whether that is faster depends on network and"
    " machine. Measured: a few training steps are timed in both where a fit is long enough, and the run notes the"
    " result. The saved network is always float32.",
    "class_weights": "Balanced: every class has the same weight in the loss, whatever its number of samples.",
}


class Field(Frozen):
    """One field of a `TrainingSpec`."""

    field: str
    label: str

    @property
    def help(self) -> str:
        return HELP[self.field]


class NumberField(Field):
    """A number input."""

    low: float
    high: float
    whole: bool = True
    empty: str = "Off"  # what a value that is left open means


class ChoiceField(Field):
    """A list to choose from: value → label."""

    values: dict[str, str]


NUMBER_FIELDS = (
    NumberField(field="epochs", label="Epochs", low=1, high=1000),
    NumberField(field="fine_tune_epochs", label="Fine-tuning epochs", low=1, high=200),
    NumberField(field="unfreeze", label="Blocks to unfreeze", low=1, high=16),
    NumberField(field="image_size", label="Image size (px)", low=32, high=640),
    NumberField(field="batch_size", label="Batch size", low=1, high=4096),
    NumberField(field="learning_rate", label="Learning rate", low=1e-6, high=1e6, whole=False),
    NumberField(field="fine_tune_learning_rate", label="Fine-tuning rate", low=1e-7, high=1e6, whole=False),
    NumberField(field="dropout", label="Dropout", low=0, high=0.95, whole=False),
    NumberField(field="l2", label="L2 penalty", low=0, high=1e6, whole=False, empty="Chosen"),
    NumberField(field="trees", label="Trees", low=1, high=5000),
    NumberField(field="estimators", label="Models", low=2, high=100),
    NumberField(field="folds", label="Folds", low=2, high=20),
    NumberField(field="label_smoothing", label="Label smoothing", low=0, high=0.5, whole=False),
    NumberField(field="pull", label="Pull to the source", low=0, high=100, whole=False),
    NumberField(field="teacher_weight", label="Teacher's weight", low=0, high=1, whole=False),
    NumberField(field="teacher_temperature", label="Teacher's temperature", low=1, high=20, whole=False),
    NumberField(field="relation_weight", label="Weight of relations", low=0, high=100, whole=False),
    NumberField(field="alignment_weight", label="Weight of alignment", low=0, high=100, whole=False),
    NumberField(field="seed", label="Seed", low=0, high=2**31 - 1),
)
CHOICE_FIELDS = (
    ChoiceField(
        field="optimizer", label="Optimizer", values={"adam": "Adam", "adamw": "AdamW", "sgd": "SGD with momentum"}
    ),
    ChoiceField(
        field="schedule",
        label="Rate over time",
        values={
            "cosine": "Cosine",
            "warm_up": "Warm-up, then cosine",
            "one_cycle": "One cycle",
            "constant": "Constant",
        },
    ),
    ChoiceField(field="loss", label="Loss", values={"cross_entropy": "Cross-entropy", "focal": "Focal"}),
    ChoiceField(field="averaging", label="Weight averaging", values={"none": "Off", "ema": "Moving average"}),
    ChoiceField(
        field="precision",
        label="Precision",
        values={"auto": "Measured", "float32": "float32", "bfloat16": "bfloat16"},
    ),
    ChoiceField(field="class_weights", label="Class weights", values={"balanced": "Balanced", "none": "Off"}),
    ChoiceField(field="monitor", label="Epoch chosen by", values={"loss": "Validation loss", "macro_f1": "Macro-F1"}),
)
