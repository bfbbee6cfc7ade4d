package ibmsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// syncedBinding is a binding the platform keeps in step with a service role, whenever somebody asks for it.
type syncedBinding struct{ name, role, namespace, clusterRole string }

var syncedBindings = []syncedBinding{
	{name: "ibm-admin", role: "Manager", clusterRole: "cluster-admin"},
	{name: "ibm-edit", role: "Writer", namespace: "default", clusterRole: "edit"},
	{name: "ibm-view", role: "Reader", namespace: "default", clusterRole: "view"},
}

// roleHolders are the user names of everybody holding a service role on the cluster at t.
func (w *world) roleHolders(c *cluster, role string, t time.Time) []rbacv1.Subject {
	subjects := []rbacv1.Subject{}
	for _, u := range w.users {
		if w.may(u.iam, c.target(), t, role) {
			subjects = append(subjects, userSubject(subjectPrefix+u.email))
		}
	}
	return subjects
}

func userSubject(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: name}
}

func (w *world) seedRBAC(c *cluster) []runtime.Object {
	all := []string{"*"}
	readOnly := []string{"get", "list", "watch"}
	objects := []runtime.Object{
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "cluster-admin"}, Rules: []rbacv1.PolicyRule{{APIGroups: all, Resources: all, Verbs: all}, {NonResourceURLs: all, Verbs: all}}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "edit"}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"", "apps"}, Resources: all, Verbs: all}}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "view"}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "deployments", "configmaps"}, Verbs: readOnly}}},
	}
	for _, b := range syncedBindings {
		objects = append(objects, binding(b.namespace, b.name, b.clusterRole, w.roleHolders(c, b.role, w.born)))
	}
	for _, b := range c.spec.Bindings {
		var subjects []rbacv1.Subject
		for _, email := range b.Users {
			subjects = append(subjects, userSubject(subjectPrefix+email))
		}
		for _, name := range b.Subjects {
			subjects = append(subjects, userSubject(name))
		}
		objects = append(objects, binding(b.Namespace, b.Name, b.Role, subjects))
	}
	return objects
}

func binding(namespace, name, clusterRole string, subjects []rbacv1.Subject) runtime.Object {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: clusterRole}
	if namespace == "" {
		return &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: ref, Subjects: subjects}
	}
	return &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, RoleRef: ref, Subjects: subjects}
}

// syncRBAC brings the platform's bindings in step with IAM. Until somebody asks for it, a removed user stays in them.
func (w *world) syncRBAC(c *cluster) error {
	s, err := w.kubeServer(c)
	if err != nil {
		return err
	}
	for _, b := range syncedBindings {
		w.mu.Lock()
		subjects := w.roleHolders(c, b.role, w.clock.Now())
		w.mu.Unlock()
		text, err := json.Marshal(map[string]any{"subjects": subjects})
		if err != nil {
			return fmt.Errorf("write the subjects of %s: %w", b.name, err)
		}
		path := "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/" + b.name
		if b.namespace != "" {
			path = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + b.namespace + "/rolebindings/" + b.name
		}
		status, err := platform(s, http.MethodPatch, path, "application/merge-patch+json", string(text))
		if err != nil {
			return err
		}
		if !slices.Contains([]int{http.StatusOK, http.StatusNotFound}, status) {
			return fmt.Errorf("patch %s of cluster %s: status %d", b.name, c.spec.Name, status)
		}
	}
	return nil
}
