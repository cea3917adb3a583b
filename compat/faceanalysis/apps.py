from compat.dialect import DialectConfig


class FaceAnalysisConfig(DialectConfig):
    name = "compat.faceanalysis"
    verbose_name = "FaceAnalysis"
    admin_lists = (("FaceAnalysis accounts", "badge", "faceanalysis_account", "faceanalysis.view_account"),)
