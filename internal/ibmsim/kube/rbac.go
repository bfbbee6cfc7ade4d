package kube

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	groupMasters       = "system:masters"
	groupAuthenticated = "system:authenticated"
)

// attributes are what a role decides about. A resource carries its subresource, as in "deployments/scale".
type attributes struct {
	verb, group, resource, namespace, name string
	path                                   string // of a request that is about no resource
}

// authorize refuses a request its user has no role for.
func (s *Server) authorize(q *request) error {
	a := attributes{verb: q.verb, group: q.group, resource: q.fullResource(), namespace: q.namespace, name: q.roleName()}
	s.mu.Lock()
	s.visited = true
	allowed := s.allows(q.user, a)
	s.mu.Unlock()
	if allowed {
		return nil
	}
	return apierrors.NewForbidden(q.gr(), q.name, fmt.Errorf("User %q cannot %s resource %q in API group %q %s",
		q.user.Name, a.verb, a.resource, a.group, scopeOf(a.namespace)))
}

func scopeOf(namespace string) string {
	if namespace == "" {
		return "at the cluster scope"
	}
	return fmt.Sprintf("in the namespace %q", namespace)
}

// allows decides from the stored roles and bindings.
func (s *Server) allows(u User, a attributes) bool {
	if slices.Contains(u.Groups, groupMasters) {
		return true
	}
	return slices.ContainsFunc(s.rulesOf(u, a.namespace), func(rule rbacv1.PolicyRule) bool { return covers(rule, a) })
}

// rulesOf collects the rules a user has in a namespace ("" is the cluster scope).
func (s *Server) rulesOf(u User, namespace string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, o := range s.objects[clusterRoleBindings] {
		b := o.(*rbacv1.ClusterRoleBinding)
		if bound(u, b.Subjects, "") {
			rules = append(rules, s.rulesIn(b.RoleRef, "")...)
		}
	}
	if namespace == "" {
		return rules
	}
	for at, o := range s.objects[roleBindings] {
		b := o.(*rbacv1.RoleBinding)
		if at.namespace == namespace && bound(u, b.Subjects, namespace) {
			rules = append(rules, s.rulesIn(b.RoleRef, namespace)...)
		}
	}
	return rules
}

func (s *Server) rulesIn(role rbacv1.RoleRef, namespace string) []rbacv1.PolicyRule {
	if role.Kind == resources[clusterRoles].kind {
		if r, found := get[*rbacv1.ClusterRole](s, clusterRoles, key{name: role.Name}); found {
			return r.Rules
		}
		return nil
	}
	if r, found := get[*rbacv1.Role](s, roles, key{namespace, role.Name}); found {
		return r.Rules
	}
	return nil
}

func bound(u User, subjects []rbacv1.Subject, namespace string) bool {
	return slices.ContainsFunc(subjects, func(subject rbacv1.Subject) bool {
		switch subject.Kind {
		case rbacv1.UserKind:
			return subject.Name == u.Name
		case rbacv1.GroupKind:
			return subject.Name == groupAuthenticated || slices.Contains(u.Groups, subject.Name)
		case rbacv1.ServiceAccountKind:
			in := subject.Namespace
			if in == "" {
				in = namespace
			}
			return u.Name == "system:serviceaccount:"+in+":"+subject.Name
		}
		return false
	})
}

func covers(rule rbacv1.PolicyRule, a attributes) bool {
	if !has(rule.Verbs, a.verb) {
		return false
	}
	if a.path != "" {
		return slices.ContainsFunc(rule.NonResourceURLs, func(url string) bool {
			prefix, open := strings.CutSuffix(url, "*")
			return url == a.path || open && strings.HasPrefix(a.path, prefix)
		})
	}
	_, subresource, split := strings.Cut(a.resource, "/")
	return has(rule.APIGroups, a.group) &&
		(has(rule.Resources, a.resource) || split && slices.Contains(rule.Resources, "*/"+subresource)) &&
		(len(rule.ResourceNames) == 0 || a.name != "" && slices.Contains(rule.ResourceNames, a.name))
}

func has(list []string, value string) bool {
	return slices.Contains(list, value) || slices.Contains(list, "*")
}

func isAccessReview(q *request) bool {
	return q.group == authorizationv1.GroupName && q.version == "v1" && q.resource == "selfsubjectaccessreviews"
}

// reviewAccess answers a SelfSubjectAccessReview, which everybody may ask for.
func (s *Server) reviewAccess(w http.ResponseWriter, q *request) error {
	if q.verb != "create" || q.name != "" {
		return apierrors.NewMethodNotSupported(q.gr(), q.verb)
	}
	content, _, err := q.body(bodyMedia...)
	if err != nil {
		return err
	}
	var review authorizationv1.SelfSubjectAccessReview
	if err := json.Unmarshal(content, &review); err != nil {
		return apierrors.NewBadRequest(fmt.Sprintf("decode the review: %v", err))
	}
	var a attributes
	switch spec := review.Spec; {
	case spec.ResourceAttributes != nil:
		r := spec.ResourceAttributes
		a = attributes{verb: r.Verb, group: r.Group, resource: r.Resource, namespace: r.Namespace, name: r.Name}
		if r.Subresource != "" {
			a.resource += "/" + r.Subresource
		}
	case spec.NonResourceAttributes != nil:
		a = attributes{verb: spec.NonResourceAttributes.Verb, path: spec.NonResourceAttributes.Path}
	default:
		return apierrors.NewBadRequest("exactly one of nonResourceAttributes or resourceAttributes must be specified")
	}
	s.mu.Lock()
	review.Status = authorizationv1.SubjectAccessReviewStatus{Allowed: s.allows(q.user, a)}
	s.mu.Unlock()
	review.APIVersion, review.Kind = "authorization.k8s.io/v1", "SelfSubjectAccessReview"
	respond(w, q.Request, http.StatusCreated, review)
	return nil
}
