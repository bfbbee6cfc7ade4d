package kubernetes

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhatIsAskedIsSaidWithoutNames(t *testing.T) {
	for _, c := range []struct{ method, path, verb, resource string }{
		{"GET", "/api/v1/namespaces/kube-system/pods?limit=500", "list", "pods"},
		{"GET", "/api/v1/namespaces/kube-system/secrets/storage-secret-store", "get", "secrets"},
		{"POST", "/api/v1/namespaces/kube-system/pods/p-1/eviction", "create", "pods/eviction"},
		{"PATCH", "/apis/apps/v1/namespaces/kube-system/deployments/d", "patch", "deployments"},
		{"GET", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "list", "clusterrolebindings"},
		{"DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/b", "delete", "clusterrolebindings"},
		{"PUT", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/b", "update", "rolebindings"},
		{"GET", "/api/v1/namespaces/default", "get", "namespaces"},
		{"GET", "/clusters/c1/api/v1/nodes", "list", "nodes"},
		{"GET", "/version", "get", "other"},
	} {
		verb, resource := asked(httptest.NewRequest(c.method, c.path, nil))
		assert.Equal(t, [2]string{c.verb, c.resource}, [2]string{verb, resource}, c.path)
	}
}
