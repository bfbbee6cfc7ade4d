package kube

import (
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// mayGrant refuses a role or binding that would give more than its author has, unless a role lets them escalate or bind.
// It holds for every change of a binding, also one that only takes a subject away: a real API server makes no difference.
func (s *Server) mayGrant(q *request, o object) error {
	if slices.Contains(q.user.Groups, groupMasters) {
		return nil
	}
	var granted []rbacv1.PolicyRule
	leave := attributes{verb: "escalate", group: q.group, resource: q.resource, namespace: o.GetNamespace(), name: o.GetName()}
	switch o := o.(type) {
	case *rbacv1.Role:
		granted = o.Rules
	case *rbacv1.ClusterRole:
		granted = o.Rules
	case *rbacv1.RoleBinding:
		granted = s.rulesIn(o.RoleRef, o.Namespace)
		leave = bindLeave(o.RoleRef, o.Namespace)
	case *rbacv1.ClusterRoleBinding:
		granted = s.rulesIn(o.RoleRef, "")
		leave = bindLeave(o.RoleRef, "")
	default:
		return nil
	}
	if s.allows(q.user, leave) {
		return nil
	}
	owned := s.rulesOf(q.user, o.GetNamespace())
	for _, rule := range granted {
		for _, a := range spread(rule) {
			if !slices.ContainsFunc(owned, func(have rbacv1.PolicyRule) bool { return covers(have, a) }) {
				return apierrors.NewForbidden(q.gr(), o.GetName(), fmt.Errorf(
					"user %q (groups=%q) is attempting to grant RBAC permissions not currently held: %+v",
					q.user.Name, q.user.Groups, rule))
			}
		}
	}
	return nil
}

func bindLeave(role rbacv1.RoleRef, namespace string) attributes {
	resource := resources[roles].name
	if role.Kind == resources[clusterRoles].kind {
		resource = resources[clusterRoles].name
	}
	return attributes{verb: "bind", group: rbacv1.GroupName, resource: resource, namespace: namespace, name: role.Name}
}

// spread takes a rule apart into the single permissions it gives.
func spread(rule rbacv1.PolicyRule) []attributes {
	var single []attributes
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	for _, verb := range rule.Verbs {
		for _, url := range rule.NonResourceURLs {
			single = append(single, attributes{verb: verb, path: url})
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, name := range names {
					single = append(single, attributes{verb: verb, group: group, resource: resource, name: name})
				}
			}
		}
	}
	return single
}
