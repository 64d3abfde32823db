"""The connector `s3`: objects of Amazon S3 and of what speaks its protocol (MinIO, R2, Ceph …).

spec       the forms
connector  the calls, and what the answers mean
sigv4      signing: AWS Signature Version 4
"""

from automate_connectors.s3.connector import S3Adapter

ADAPTERS = (S3Adapter,)

__all__ = ["ADAPTERS", "S3Adapter"]
