"""How many strangers may be taken for somebody."""

from environment import env

FPIR_PER_THOUSAND = env.float("FACEAPP_FPIR_PER_THOUSAND", default=10.0)  # who raise an alarm in a search
FMR_PER_MILLION = env.float("FACEAPP_FMR_PER_MILLION", default=100.0)  # who pass a one-to-one comparison
REVIEW_FPIR_PER_THOUSAND = env.float("FACEAPP_REVIEW_FPIR_PER_THOUSAND", default=0.0)  # shown for review; 0: none
