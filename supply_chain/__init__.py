"""What the service is made of: digests of base images, known vulnerabilities, and the software bill of materials."""
