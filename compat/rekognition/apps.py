from compat.dialect import DialectConfig


class RekognitionConfig(DialectConfig):
    name = "compat.rekognition"
    verbose_name = "Amazon Rekognition"
    admin_lists = (("Rekognition secrets", "vpn_key", "rekognition_signingsecret", "rekognition.view_signingsecret"),)
