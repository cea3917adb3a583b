from compat.dialect import DialectConfig


class RekognitionConfig(DialectConfig):
    name = "compat.rekognition"
    verbose_name = "Amazon Rekognition"
