"""A cluster with flannel, as far as the kernel can see one, in namespaces of one machine."""
