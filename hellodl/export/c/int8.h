    uint8_t in[$widest];
    float out[$outs], unit = 1; /* what 1 of `in` counts */
    $copy
    for (int l = 0; l < $count; l++) {
        const hellodl_layer *layer = &hellodl_layers[l];
        float top = 0;
        for (int o = 0; o < layer->n_out; o++) {
            const int8_t *weight = layer->weight + (long)o * layer->n_in;
            int32_t sum = 0;
            for (int i = 0; i < layer->n_in; i++) sum += (int32_t)weight[i] * in[i];
            out[o] = (float)sum * (layer->scale[o] * unit) + layer->bias[o];
            if (out[o] > top) top = out[o];
        }
        if (l == $count - 1) break;
        float factor = 255 / (top > 0 ? top : 1); /* ReLU, and the largest becomes 255 */
        for (int o = 0; o < layer->n_out; o++) in[o] = out[o] > 0 ? (uint8_t)(out[o] * factor + 0.5f) : 0;
        unit = top / 255;
    }
    hellodl_softmax(out, probabilities);
