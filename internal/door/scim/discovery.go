package scim

import (
	"net/http"
	"strings"
)

// The URNs of the documents about the service (RFC 7643, sections 5 to 7).
const (
	configSchema       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	schemaSchema       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	resourceTypeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
)

// serviceProviderConfig is GET /ServiceProviderConfig.
func (h *Handler) serviceProviderConfig(w http.ResponseWriter, r *http.Request) error {
	supported := func(yes bool) map[string]any { return map[string]any{"supported": yes} }
	writeJSON(w, http.StatusOK, map[string]any{
		"schemas":        []string{configSchema},
		"patch":          supported(true),
		"bulk":           map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":         map[string]any{"supported": true, "maxResults": maxCount},
		"changePassword": supported(false),
		"sort":           supported(false),
		"etag":           supported(true),
		"authenticationSchemes": []any{map[string]any{
			"type":        "oauthbearertoken",
			"name":        "Bearer token",
			"description": "One long-lived token in the Authorization header.",
			"specUri":     "https://www.rfc-editor.org/info/rfc6750",
			"primary":     true,
		}},
		"meta": map[string]any{"resourceType": "ServiceProviderConfig", "location": base(r) + "/ServiceProviderConfig"},
	})
	return nil
}

// schemas is GET /Schemas and GET /Schemas/{urn}.
func (h *Handler) schemas(w http.ResponseWriter, r *http.Request, urn string) error {
	document := func(id, name, description string, attributes []attribute) map[string]any {
		return map[string]any{
			"schemas": []string{schemaSchema}, "id": id, "name": name, "description": description, "attributes": attributes,
			"meta": map[string]any{"resourceType": "Schema", "location": base(r) + "/Schemas/" + id},
		}
	}
	return writeDocuments(w, r, urn, []map[string]any{
		document(userSchema, "User", "A user account.", coreUser),
		document(enterpriseSchema, "EnterpriseUser", "What an organisation knows of a user.", enterpriseUser),
	})
}

// resourceTypes is GET /ResourceTypes and GET /ResourceTypes/{name}.
func (h *Handler) resourceTypes(w http.ResponseWriter, r *http.Request, name string) error {
	return writeDocuments(w, r, name, []map[string]any{{
		"schemas": []string{resourceTypeSchema}, "id": "User", "name": "User", "description": "A user account.",
		"endpoint": "/Users", "schema": userSchema,
		"schemaExtensions": []any{map[string]any{"schema": enterpriseSchema, "required": false}},
		"meta":             map[string]any{"resourceType": "ResourceType", "location": base(r) + "/ResourceTypes/User"},
	}})
}

// writeDocuments writes all documents as a list, or the one of an ID.
func writeDocuments(w http.ResponseWriter, r *http.Request, id string, documents []map[string]any) error {
	if r.URL.Query().Get("filter") != "" {
		return failf(http.StatusForbidden, "", "the documents about the service cannot be filtered") // RFC 7644, section 4
	}
	var all []any
	for _, d := range documents {
		if id != "" && strings.EqualFold(d["id"].(string), id) {
			writeJSON(w, http.StatusOK, d)
			return nil
		}
		all = append(all, d)
	}
	if id != "" {
		return notFound(r)
	}
	writeList(w, len(all), 1, all)
	return nil
}
