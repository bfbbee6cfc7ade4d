package kube_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"offboard/internal/ibmsim/kube"
)

// byToken takes the bearer token as the user's name; there is no anonymous access.
func byToken(o *kube.Options) {
	o.Authorize = func(r *http.Request) (kube.User, bool) {
		token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !found || token == "bad":
			return kube.User{}, false
		case token == "root":
			return kube.User{Name: "root", Groups: []string{"system:masters"}}, true
		}
		return kube.User{Name: token, Groups: []string{"staff"}}, true
	}
}

func role(name string, rules ...rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{ObjectMeta: meta(name), Rules: rules}
}

func rule(verbs, group, resource string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{
		Verbs: strings.Split(verbs, ","), APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: names,
	}
}

func binding(role string, subjects ...rbacv1.Subject) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{ObjectMeta: meta(role), Subjects: subjects, RoleRef: rbacv1.RoleRef{Kind: "Role", Name: role}}
}

func user(name string) rbacv1.Subject { return rbacv1.Subject{Kind: "User", Name: name} }

func TestUnknownCallerIs401(t *testing.T) {
	c := newCluster(t, byToken)
	_, err := c.as("bad").CoreV1().Pods(ns).List(context.Background(), metav1.ListOptions{})
	assert.True(t, apierrors.IsUnauthorized(err), err)
	answer, status := c.send(http.MethodGet, "/version", "", nil)
	assert.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	assert.Equal(t, metav1.StatusReasonUnauthorized, status.Reason)
}

func TestRolesDecide(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t, byToken)
	c.seed(deployment("csi", 1), deployment("other", 1), secret("one", "x"), secret("two", "x"),
		role("restarter", rule("get,patch", "apps", "deployments", "csi")),
		role("reader", rule("list,get", "", "*")),
		role("scaler", rule("update", "apps", "deployments/scale")),
		binding("restarter", user("ada")),
		binding("reader", rbacv1.Subject{Kind: "Group", Name: "staff"}),
		binding("scaler", rbacv1.Subject{Kind: "ServiceAccount", Name: "bot", Namespace: ns}),
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "nodes"}, Rules: []rbacv1.PolicyRule{rule("*", "", "nodes")}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "nodes"}, Subjects: []rbacv1.Subject{user("ada")},
			RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "nodes"}},
	)
	ada, bob := c.as("ada"), c.as("bob")
	patch := func(name string) error {
		_, err := ada.AppsV1().Deployments(ns).Patch(ctx, name, types.StrategicMergePatchType, restart("t"), metav1.PatchOptions{})
		return err
	}
	require.NoError(t, patch("csi"))
	require.Len(t, c.changes, 1)
	assert.Equal(t, "ada", c.changes[0].User)
	err := patch("other")
	require.True(t, apierrors.IsForbidden(err), err)
	assert.EqualError(t, err, `deployments.apps "other" is forbidden: User "ada" cannot patch resource "deployments" in API group "apps" in the namespace "kube-system"`)
	_, err = bob.AppsV1().Deployments(ns).Get(ctx, "csi", metav1.GetOptions{})
	assert.True(t, apierrors.IsForbidden(err), err)
	_, err = bob.CoreV1().Secrets(ns).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	_, err = bob.CoreV1().Secrets("").List(ctx, metav1.ListOptions{})
	assert.True(t, apierrors.IsForbidden(err), "a role is good for its namespace: %v", err)
	_, err = ada.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	_, err = bob.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	assert.True(t, apierrors.IsForbidden(err), err)
	bot := c.as("system:serviceaccount:kube-system:bot")
	scale, err := c.as("root").AppsV1().Deployments(ns).GetScale(ctx, "csi", metav1.GetOptions{})
	require.NoError(t, err)
	scale.Spec.Replicas = 2
	_, err = bot.AppsV1().Deployments(ns).UpdateScale(ctx, "csi", scale, metav1.UpdateOptions{})
	require.NoError(t, err)
	err = bot.AppsV1().Deployments(ns).Delete(ctx, "csi", metav1.DeleteOptions{})
	assert.True(t, apierrors.IsForbidden(err), err)
}

func TestAccessReviews(t *testing.T) {
	c := newCluster(t, byToken)
	c.seed(role("restarter", rule("patch", "apps", "deployments")), binding("restarter", user("ada")))
	can := func(who, verb, group, resource, namespace string) bool {
		review, err := c.as(who).AuthorizationV1().SelfSubjectAccessReviews().Create(context.Background(),
			&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource, Namespace: namespace},
			}}, metav1.CreateOptions{})
		require.NoError(t, err)
		return review.Status.Allowed
	}
	assert.True(t, can("ada", "patch", "apps", "deployments", ns))
	assert.False(t, can("ada", "delete", "apps", "deployments", ns))
	assert.False(t, can("ada", "patch", "apps", "deployments", "default"))
	assert.False(t, can("bob", "patch", "apps", "deployments", ns))
	assert.True(t, can("root", "*", "*", "*", ""))
	assert.Empty(t, c.changes, "a question is no change")
}

func TestJSONPatchTakesOneSubjectAway(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(role("admins", rule("*", "*", "*")), binding("admins", user("ada"), user("bob"), user("eve")))
	patch := func(body string) error {
		_, err := c.client.RbacV1().RoleBindings(ns).Patch(ctx, "admins", types.JSONPatchType, []byte(body), metav1.PatchOptions{})
		return err
	}
	bob := `{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"bob"}`
	require.NoError(t, patch(`[{"op":"test","path":"/subjects/1","value":`+bob+`},{"op":"remove","path":"/subjects/1"}]`))
	got, err := c.client.RbacV1().RoleBindings(ns).Get(ctx, "admins", metav1.GetOptions{})
	require.NoError(t, err)
	require.Len(t, got.Subjects, 2)
	assert.Equal(t, "ada", got.Subjects[0].Name)
	assert.Equal(t, "eve", got.Subjects[1].Name)

	err = patch(`[{"op":"test","path":"/subjects/1","value":` + bob + `},{"op":"remove","path":"/subjects/1"}]`)
	assert.True(t, apierrors.IsInvalid(err), "the subject moved on: %v", err)
	err = patch(`[{"op":"remove","path":"/subjects/7"}]`)
	assert.True(t, apierrors.IsInvalid(err), err)
	err = patch(`{"op":"remove"}`)
	assert.True(t, apierrors.IsBadRequest(err), err)
	err = patch(`[{"op":"replace","path":"/roleRef/name","value":"other"}]`)
	assert.True(t, apierrors.IsInvalid(err), "roleRef cannot change: %v", err)
	assert.Len(t, c.changes, 1)

	require.NoError(t, patch(`[{"op":"test","path":"/metadata/resourceVersion","value":"`+got.ResourceVersion+`"},
		{"op":"copy","from":"/subjects/0","path":"/subjects/-"},{"op":"move","from":"/subjects/2","path":"/subjects/0"},
		{"op":"replace","path":"/subjects/0/name","value":"new"},{"op":"add","path":"/metadata/annotations","value":{}},
		{"op":"add","path":"/metadata/annotations/acme.example~1run","value":"1"}]`))
	got, err = c.client.RbacV1().RoleBindings(ns).Get(ctx, "admins", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"new", "ada", "eve"}, []string{got.Subjects[0].Name, got.Subjects[1].Name, got.Subjects[2].Name})
	assert.Equal(t, "1", got.Annotations["acme.example/run"])
}

func TestNobodyGrantsMoreThanTheyHave(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t, byToken)
	c.seed(
		role("all", rule("*", "*", "*")), role("pods", rule("get,list", "", "pods")),
		role("binder", rule("create,update,patch,get", "rbac.authorization.k8s.io", "rolebindings"), rule("get,list", "", "pods")),
		role("leave", rule("bind", "rbac.authorization.k8s.io", "roles", "all")),
		binding("binder", user("ada"), user("bob")), binding("leave", user("bob")), binding("all", user("eve")),
	)
	bind := func(who, to string) error {
		b := binding(to, user("friend"))
		b.Name = who + "-" + to
		_, err := c.as(who).RbacV1().RoleBindings(ns).Create(ctx, b, metav1.CreateOptions{})
		return err
	}
	require.NoError(t, bind("ada", "pods"))
	assert.True(t, apierrors.IsForbidden(bind("ada", "all")))
	require.NoError(t, bind("bob", "all"))
	_, err := c.as("ada").RbacV1().RoleBindings(ns).Patch(ctx, "all", types.MergePatchType, []byte(`{"subjects":null}`), metav1.PatchOptions{})
	assert.True(t, apierrors.IsForbidden(err), "taking away counts as well: %v", err)
}
