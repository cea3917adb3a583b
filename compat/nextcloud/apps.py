from compat.dialect import DialectConfig


class NextcloudConfig(DialectConfig):
    name = "compat.nextcloud"
    verbose_name = "Nextcloud"
    admin_lists = (("Nextcloud models", "cloud", "nextcloud_keymodel", "nextcloud.view_keymodel"),)
