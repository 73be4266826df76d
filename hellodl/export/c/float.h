    float a[$widest], b[$widest], *in = a, *out = b;
${turn}    for (int i = 0; i < 784; i++) in[i] = $image[i] * $factor - $offset;
    for (int l = 0; l < $count; l++) {
        const hellodl_layer *layer = &hellodl_layers[l];
        for (int o = 0; o < layer->n_out; o++) {
            const float *weight = layer->weight + (long)o * layer->n_in;
            float sum = layer->bias[o];
            for (int i = 0; i < layer->n_in; i++) sum += weight[i] * in[i];
            out[o] = sum > 0 || l == $count - 1 ? sum : 0; /* ReLU, but for the scores */
        }
        float *swap = in; in = out; out = swap;
    }
    hellodl_softmax(in, probabilities);
