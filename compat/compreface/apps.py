from compat.dialect import DialectConfig


class CompreFaceConfig(DialectConfig):
    name = "compat.compreface"
    verbose_name = "CompreFace"
    admin_lists = (("CompreFace services", "hub", "compreface_service", "compreface.view_service"),)
