from compat.dialect import DialectConfig


class DeepStackConfig(DialectConfig):
    name = "compat.deepstack"
    verbose_name = "DeepStack"
