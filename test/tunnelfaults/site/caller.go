package site

import (
	"context"
	"fmt"

	"github.com/fairlead/fairlead/client"
	"github.com/google/uuid"
)

// clusterUser is the built-in role of those who may reach clusters.
const clusterUser = "00493d72-78f6-4148-b6c5-d3ce8e4799dd"

// Caller is a service principal that may reach the clusters of the hub, and nothing else.
type Caller struct {
	ObjectID string
	Token    func(context.Context) (string, error)
}

// Caller makes one.
func (h *Hub) Caller(ctx context.Context, name string) (*Caller, error) {
	made, err := h.API.CreatePrincipal(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("create a caller: %w", err)
	}
	id, _ := made["id"].(string)
	application, _ := made["appId"].(string)
	password, err := h.API.AddPassword(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("give the caller a secret: %w", err)
	}
	secret, _ := password["secretText"].(string)
	subscription := "/subscriptions/" + h.subscription
	role := client.Document{"properties": client.Document{
		"roleDefinitionId": subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + clusterUser, "principalId": id,
	}}
	path := subscription + "/providers/Microsoft.Authorization/roleAssignments/" + uuid.NewString()
	if err := h.API.Put(ctx, path, client.AuthorizationVersion, role, nil); err != nil {
		return nil, fmt.Errorf("give the caller a role: %w", err)
	}
	return &Caller{ObjectID: id, Token: h.credentials(application, secret).Token}, nil
}
