from compat.dialect import DialectConfig


class EkycConfig(DialectConfig):
    name = "compat.ekyc"
    verbose_name = "eKYC"
