package kubernetes_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"offboard/internal/offboard"
)

const deployersPath = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/deployers"

// subjects reads who is in a binding; found is false if it is gone.
func (c *cluster) subjects(path string) (names []string, found bool) {
	c.t.Helper()
	body, err := c.core.RESTClient().Get().AbsPath(path).Do(context.Background()).Raw()
	if apierrors.IsNotFound(err) {
		return nil, false
	}
	require.NoError(c.t, err)
	var binding rbacv1.RoleBinding
	require.NoError(c.t, json.Unmarshal(body, &binding))
	for _, s := range binding.Subjects {
		names = append(names, s.Kind+" "+s.Name)
	}
	return names, true
}

func deployers() offboard.Binding {
	return offboard.Binding{Kind: "RoleBinding", Namespace: "shop", Name: "deployers", Subject: "IAM#" + leaver}
}

func TestRemoveSubjectTakesOutTheLeaverOnly(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(bindingOf("shop", "deployers", "deployer",
			user("IAM#bob@acme.example"), user("IAM#"+leaver),
			rbacv1.Subject{Kind: "Group", APIGroup: "rbac.authorization.k8s.io", Name: "IAM#" + leaver},
			user("IAM#carol@acme.example"), user("IAM#"+leaver)))
		k := c.adapter()

		for range 2 {
			require.NoError(t, k.RemoveSubject(t.Context(), clusterID, deployers()))
		}

		left, found := c.subjects(deployersPath)
		require.True(t, found)
		assert.Equal(t, []string{"User IAM#bob@acme.example", "Group IAM#" + leaver, "User IAM#carol@acme.example"}, left)
		assert.Equal(t, []string{"patch rolebindings shop/deployers"}, c.changed())
	})
}

func TestRemoveSubjectDeletesAnEmptyBinding(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(clusterBindingOf("auditors", "view", user("IAM#"+leaver)))
		k := c.adapter()
		b := offboard.Binding{Kind: "ClusterRoleBinding", Name: "auditors", Subject: "IAM#" + leaver}

		for range 2 {
			require.NoError(t, k.RemoveSubject(t.Context(), clusterID, b))
		}

		_, found := c.subjects("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/auditors")
		assert.False(t, found)
		assert.Equal(t, []string{"delete clusterrolebindings /auditors"}, c.changed())
	})
}

func TestRemoveSubjectLeavesServiceManagedBindingsToIBM(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(bindingOf("shop", "ibm-edit", "edit", user("IAM#"+leaver)))
		b := offboard.Binding{Kind: "RoleBinding", Namespace: "shop", Name: "ibm-edit", Subject: "IAM#" + leaver}

		wantCode(t, offboard.Unsupported, c.adapter().RemoveSubject(t.Context(), clusterID, b))

		assert.Empty(t, c.requested())
	})
}

// Between reading and writing somebody else edits the binding: the index then means another user.
func TestRemoveSubjectNeverTakesOutSomebodyElse(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(bindingOf("shop", "deployers", "deployer",
			user("IAM#bob@acme.example"), user("IAM#"+leaver), user("IAM#carol@acme.example")))
		edited := false
		c.intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPatch && !edited {
				edited = true
				c.patch(deployersPath, `{"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"IAM#`+leaver+
					`"},{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"IAM#carol@acme.example"}]}`)
			}
			next.ServeHTTP(w, r)
		})

		require.NoError(t, c.adapter().RemoveSubject(t.Context(), clusterID, deployers()))

		left, found := c.subjects(deployersPath)
		require.True(t, found)
		assert.Equal(t, []string{"User IAM#carol@acme.example"}, left)
	})
}

// Between reading and deleting somebody joins: the binding must stay for them.
func TestRemoveSubjectDoesNotDeleteABindingSomebodyJoined(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(bindingOf("shop", "deployers", "deployer", user("IAM#"+leaver)))
		edited := false
		c.intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodDelete && !edited {
				edited = true
				c.patch(deployersPath, `{"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"IAM#`+leaver+
					`"},{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"IAM#dave@acme.example"}]}`)
			}
			next.ServeHTTP(w, r)
		})

		require.NoError(t, c.adapter().RemoveSubject(t.Context(), clusterID, deployers()))

		left, found := c.subjects(deployersPath)
		require.True(t, found)
		assert.Equal(t, []string{"User IAM#dave@acme.example"}, left)
	})
}

func TestRemoveSubjectGivesUpOnABindingThatKeepsChanging(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(bindingOf("shop", "deployers", "deployer", user("IAM#bob@acme.example"), user("IAM#"+leaver)))
		c.intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method != http.MethodPatch {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusConflict)
			w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`))
		})

		wantCode(t, offboard.Conflict, c.adapter().RemoveSubject(t.Context(), clusterID, deployers()))

		assert.Empty(t, c.changed())
	})
}
