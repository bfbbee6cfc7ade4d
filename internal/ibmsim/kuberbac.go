package ibmsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// syncedBinding is a binding the platform keeps in step with a service role, whenever somebody asks for it.
type syncedBinding struct{ name, role, namespace, clusterRole string }

func (b syncedBinding) compare(other syncedBinding) int {
	return strings.Compare(b.name+"/"+b.namespace, other.name+"/"+other.namespace)
}

var syncedBindings = []syncedBinding{
	{name: "ibm-admin", role: "Manager", clusterRole: "cluster-admin"},
	{name: "ibm-edit", role: "Writer", namespace: "default", clusterRole: "edit"},
	{name: "ibm-view", role: "Reader", namespace: "default", clusterRole: "view"},
}

// roleHolders are the user names of everybody holding a service role on the cluster at t.
func (w *world) roleHolders(c *cluster, role string, t time.Time) []rbacv1.Subject {
	return w.holdersOn(c.target(), role, t)
}

func (w *world) holdersOn(tg target, role string, t time.Time) []rbacv1.Subject {
	subjects := []rbacv1.Subject{}
	for _, u := range w.users {
		if w.may(u.iam, tg, t, role) {
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
	wanted := w.wantedBindings(c, c.running)
	for _, b := range slices.SortedFunc(maps.Keys(wanted), syncedBinding.compare) {
		objects = append(objects, binding(b.namespace, b.name, b.clusterRole, wanted[b]))
	}
	for _, b := range c.spec.Bindings {
		var subjects []rbacv1.Subject
		for _, email := range b.Users {
			subjects = append(subjects, userSubject(subjectPrefix+email))
		}
		for _, name := range b.Subjects {
			subjects = append(subjects, userSubject(name))
		}
		objects = append(objects, bindingTo(firstOf(b.RoleKind, clusterRoleKind), b.Role, b.Namespace, b.Name, subjects))
	}
	return objects
}

const clusterRoleKind = "ClusterRole"

func binding(namespace, name, clusterRole string, subjects []rbacv1.Subject) runtime.Object {
	return bindingTo(clusterRoleKind, clusterRole, namespace, name, subjects)
}

func bindingTo(kind, role, namespace, name string, subjects []rbacv1.Subject) runtime.Object {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role}
	if namespace == "" {
		return &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: ref, Subjects: subjects}
	}
	return &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, RoleRef: ref, Subjects: subjects}
}

// namespaceBindings are the same for roles that are limited to a namespace, whose Manager is less than an administrator.
var namespaceBindings = []syncedBinding{
	{name: "ibm-operate", role: "Manager", clusterRole: "edit"},
	{name: "ibm-edit", role: "Writer", clusterRole: "edit"},
	{name: "ibm-view", role: "Reader", clusterRole: "view"},
}

// limitedNamespaces are the namespaces that rights on the cluster at t are limited to.
func (w *world) limitedNamespaces(c *cluster, t time.Time) []string {
	seen := map[string]bool{}
	for _, list := range w.rights {
		for _, r := range list {
			tg := c.target()
			tg.namespace = r.namespace()
			if tg.namespace != "" && r.holds(t) && covers(r.attrs, tg) {
				seen[tg.namespace] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// wantedBindings are all bindings the platform keeps, with their subjects at t.
func (w *world) wantedBindings(c *cluster, t time.Time) map[syncedBinding][]rbacv1.Subject {
	wanted := map[syncedBinding][]rbacv1.Subject{}
	for _, b := range syncedBindings {
		wanted[b] = w.roleHolders(c, b.role, t)
	}
	for _, namespace := range w.limitedNamespaces(c, t) {
		for _, b := range namespaceBindings {
			b.namespace = namespace
			tg := c.target()
			tg.namespace = namespace
			wanted[b] = w.holdersOn(tg, b.role, t)
		}
	}
	return wanted
}

// syncRBAC brings the platform's bindings in step with IAM. Until somebody asks for it, a removed user stays in them.
func (w *world) syncRBAC(c *cluster) error {
	s, err := w.kubeServer(c)
	if err != nil {
		return err
	}
	w.mu.Lock()
	wanted := w.wantedBindings(c, w.clock.Now())
	w.mu.Unlock()
	for _, b := range slices.SortedFunc(maps.Keys(wanted), syncedBinding.compare) {
		if err := syncBinding(s, b, wanted[b]); err != nil {
			return fmt.Errorf("sync %s of cluster %s: %w", b.name, c.spec.Name, err)
		}
	}
	return nil
}

// syncBinding changes the subjects of a binding, and makes it if somebody deleted it or it is new.
func syncBinding(s kubernetes, b syncedBinding, subjects []rbacv1.Subject) error {
	text, err := json.Marshal(map[string]any{"subjects": subjects})
	if err != nil {
		return fmt.Errorf("write the subjects: %w", err)
	}
	path := "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/"
	if b.namespace != "" {
		path = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + b.namespace + "/rolebindings/"
	}
	status, err := platform(s, http.MethodPatch, path+b.name, "application/merge-patch+json", string(text))
	if err != nil {
		return err
	}
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusNotFound:
		return s.Create(binding(b.namespace, b.name, b.clusterRole, subjects))
	}
	return fmt.Errorf("status %d", status)
}
